"""The thinking core: pure functions over plain data. Imports the standard library and itself only."""
