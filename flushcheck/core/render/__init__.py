"""Every output is a rendering of the Report; nothing here decides anything."""
