/* What is on every page. Pages work without any of it, but for times in the viewer's zone and what says so. */
import { printTimes } from "./times.js";
import "./parts.js";
import "./menus.js";
import "./palette.js";
import "./live.js";
import "./charts.js";
import "./probing.js";
import "./forms.js";
import "./copying.js";
import "./dialogs.js";

printTimes(document);
setInterval(() => printTimes(document), 1000);
