// The script of every page. Without it the pages work too, except for what is live.

import "./copy.js";
import "./dialogs.js";
import "./live.js";
