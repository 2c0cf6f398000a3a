// The entry of a culprit's page: the buttons that need a script.

import { addCopyButtons } from "./copy-buttons.js";
import { $$ } from "./dom.js";
import { showHoldOnClick } from "./see-hold.js";

addCopyButtons();
for (const section of $$("#see-it")) showHoldOnClick(section);
document.documentElement.dataset.ready = "yes";
