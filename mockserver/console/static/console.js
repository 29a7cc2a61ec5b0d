// The script of every page. Without it the pages work too, except for what is live.

import "./calls.js";
import "./clock.js";
import "./copy.js";
import "./countdown.js";
import "./dialogs.js";
import "./keys.js";
import "./live.js";
import "./tryit.js";
