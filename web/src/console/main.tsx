/** The console: what a merchant decides. */
import "../kit/kit.css";
import "./console.css";
import { startRouter, takeSecret } from "../kit/router.ts";
import { fetchRest } from "../kit/lazy.tsx";
import { Begin } from "../kit/ledger/page.tsx";
import { mount } from "../kit/shell.tsx";
import { App } from "./app.tsx";
import { t } from "./text.ts";

const fragment = takeSecret();
startRouter();
mount(
  <Begin face="console" name={() => t("name")} opening={() => t("opening")}>
    {(link) => <App link={link} fragment={fragment} />}
  </Begin>,
);
fetchRest();
