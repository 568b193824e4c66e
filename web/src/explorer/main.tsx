/** The explorer: what the ledger says, and the proof of it. */
import "../kit/kit.css";
import "./explorer.css";
import { startRouter } from "../kit/router.ts";
import { Begin } from "../kit/ledger/page.tsx";
import { mount } from "../kit/shell.tsx";
import { App } from "./app.tsx";
import { t } from "./text.ts";

// A deep link may name the page by its path; inside the face pages stand behind the #.
const home = "/explorer/";
if (location.pathname.startsWith(home) && location.pathname.length > home.length && !location.hash) {
  history.replaceState(null, "", `${home}#/${location.pathname.slice(home.length)}`);
}
startRouter();
mount(
  <Begin face="explorer" name={() => t("name")} opening={() => t("opening")}>
    {(link) => <App link={link} />}
  </Begin>,
);
