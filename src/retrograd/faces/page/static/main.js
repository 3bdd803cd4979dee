// The page in a browser of its own, fed by the server that it came from.

import { mount } from "./mount.js";
import { connect } from "./socket.js";

const address = new URL("socket", location.href.split("#")[0]);
address.protocol = "ws:";
let page = null;
const ask = connect(address, (state) => page?.connection(state));
page = mount(document.getElementById("retrograd"), ask, { address: true });
