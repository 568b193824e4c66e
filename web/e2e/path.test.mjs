// Behind a proxy that cuts a path off, the pages cannot find their files: they say what is needed.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";
import { serve } from "./serve.mjs";

let browser, behind, proxy;

before(async () => {
  browser = await launch();
  behind = await serve();
  proxy = createServer(async (request, response) => {
    const path = request.url.startsWith("/coupons/") ? request.url.slice("/coupons".length) : "/elsewhere";
    const answer = await fetch(behind.base + path);
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
});

after(async () => {
  await browser?.close();
  await behind?.stop();
  proxy?.close();
});

const needed = /needs a host name of its own/;

for (const face of ["wallet", "till", "console", "explorer"]) {
  test(`the ${face} under a path says that it needs a host name of its own`, async () => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${proxy.address().port}/coupons/${face}/`);
    await page.getByText(needed).waitFor();
    await page.goto(`${behind.base}/${face}/`);
    await page.locator("#face > *:not(.unloaded)").first().waitFor();
    assert.equal(await page.getByText(needed).isVisible(), false);
    await page.close();
  });
}
