// What a screen reader says of a page: its accessibility tree, as Chromium gives it to one, in lines.
const named = new Set([
  "link",
  "button",
  "option",
  "heading",
  "checkbox",
  "radio",
  "textbox",
  "searchbox",
  "combobox",
  "img",
  "image",
  "tab",
  "DisclosureTriangle",
  "progressbar",
  "progressIndicator",
]);
const marks = new Set([
  "main",
  "navigation",
  "banner",
  "contentinfo",
  "region",
  "form",
  "search",
  "dialog",
  "alert",
  "status",
  "list",
  "table",
  "figure",
  "group",
  "article",
]);
const roles = { image: "img", DisclosureTriangle: "disclosure", progressIndicator: "progressbar" };

/** Values that differ from run to run are named by what they are. */
export const plain = (text) =>
  text
    .replace(/\b\d+\.\d+ ?s\b/g, "{seconds}")
    .replace(/\b[0-9a-f]{6,}…[0-9a-f]{6,}\b/g, "{digest}")
    .replace(/\b\d of \d members signed (.*?): .*?\. \d suffice/g, "{n} members signed $1: {names}. {n} suffice")
    .replace(/\b\d (members?) signed/g, "{n} $1 signed")
    .replace(/Verified by \d members?/g, "Verified by {n} members")
    .replace(/\b\d+ (bytes|hash(es)?)\b/g, "{n} $1")
    .replace(/\b\d{1,2} [A-Z][a-z]{2,8} \d{4}(, \d{2}:\d{2}(:\d{2})?( [A-Z+0-9:]+)?)?/g, "{date}")
    .replace(/\b\d{1,2}:\d{2}(:\d{2})?\b/g, "{time}")
    .replace(/\bscrip[a-z]*1[a-z0-9]{3,}(…[a-z0-9]+)?/g, "{key}")
    .replace(/\b[0-9a-f]{10,}(…[0-9a-f]+)?\b/g, "{digest}")
    .replace(/127\.0\.0\.1:\d+|localhost:\d+/g, "{address}")
    .replace(/\b\d+ (s|min|h) ago/g, "{age}")
    .replace(/\b(block|Block|in) \d[\d,]*/g, "$1 {n}")
    .replace(/DEV-demo-[0-9a-f]+/g, "{chain}");

const prop = (node, name) => node.properties?.find((p) => p.name === name)?.value?.value;

/** says are the lines for what lies below a landmark of the page, or for all of it. */
export async function says(page, below = "main") {
  const cdp = await page.context().newCDPSession(page);
  const { nodes } = await cdp.send("Accessibility.getFullAXTree");
  await cdp.detach();
  const byId = new Map(nodes.map((n) => [n.nodeId, n]));
  const lines = [];
  let words = [];
  const flush = () => {
    const text = words
      .join(" ")
      .replace(/\s+/g, " ")
      .replace(/ ([,.])/g, "$1")
      .trim();
    if (text) lines.push(text);
    words = [];
  };
  const state = (n) =>
    [
      prop(n, "level") && `level ${prop(n, "level")}`,
      prop(n, "disabled") && "unavailable",
      prop(n, "pressed") === "true" && "pressed",
      prop(n, "checked") === "true" && "checked",
      prop(n, "expanded") === true && "open",
      prop(n, "expanded") === false && "closed",
      prop(n, "invalid") === "true" && "invalid",
      n.value?.value && `“${n.value.value}”`,
      n.description?.value && `(${n.description.value})`,
    ].filter(Boolean);
  const walk = (n) => {
    const role = n.role?.value;
    const name = n.name?.value ?? "";
    if (!n.ignored && (role === "StaticText" || role === "LabelText")) {
      if (role === "StaticText") words.push(name);
      return;
    }
    const end =
      !n.ignored &&
      role !== "generic" &&
      role !== "none" &&
      role !== "emphasis" &&
      role !== "strong" &&
      role !== "code" &&
      role !== "time" &&
      role !== "Abbr";
    if (end) flush();
    if (!n.ignored && named.has(role)) {
      lines.push(
        [roles[role] ?? role, ...state(n).slice(0, role === "heading" ? 1 : undefined)].join(", ") +
          (name ? `: ${name}` : ""),
      );
      if (role === "heading" || role === "link" || role === "button") return;
      return;
    }
    if (!n.ignored && marks.has(role) && (name || ["main", "alert", "status", "dialog", "list"].includes(role))) {
      const items = role === "list" ? `, ${n.childIds?.length ?? 0}` : "";
      if (role !== "main") lines.push(`${role}${items}${name ? `: ${name}` : ""}`);
    }
    for (const id of n.childIds ?? []) if (byId.has(id)) walk(byId.get(id));
    if (end) flush();
  };
  const root = below === undefined ? nodes[0] : nodes.find((n) => !n.ignored && n.role?.value === below);
  if (!root) return [`no ${below}`];
  walk(root);
  flush();
  return lines
    .map((l) => plain(l.replace(/\s+/g, " ")))
    .filter((l, i, all) => l !== all[i - 1] && !/^(list, 0|status)$/.test(l));
}

/** listening notes what live regions say by themselves, from now on. */
export async function listening(page) {
  await page.addInitScript(() => {
    globalThis.said = [];
    const regions = "[role=status], [role=alert], [aria-live]";
    const tell = (e) => {
      const region =
        e.nodeType === 1 ? (e.closest(regions) ?? e.querySelector?.(regions)) : e.parentElement?.closest(regions);
      const text = region?.innerText?.replace(/\s+/g, " ").trim();
      const kind = region?.getAttribute("role") ?? "status";
      const line = `${kind}: ${text}`;
      if (text && globalThis.said.at(-1) !== line) globalThis.said.push(line);
    };
    new MutationObserver((all) => {
      for (const m of all) {
        if (m.type === "characterData") tell(m.target);
        for (const n of m.addedNodes) tell(n);
      }
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
}

/** heard are what live regions have said since it was asked last, and where the focus is. */
export async function heard(page) {
  const { said, focus } = await page.evaluate(() => {
    const e = document.activeElement;
    const name =
      !e || e === document.body
        ? "the page"
        : e.id === "content"
          ? "the content"
          : (e.getAttribute("aria-label") ?? e.labels?.[0]?.innerText ?? e.innerText ?? "")
              .replace(/\s+/g, " ")
              .trim()
              .slice(0, 60);
    return { said: globalThis.said.splice(0), focus: name };
  });
  // Of what was told meanwhile, the last of each kind counts; how far a page was on its way there differs.
  const told = said.map(plain).filter((line) => !/^status: (Opening|Looking|One moment|Wait)/.test(line));
  const last = (kind) => told.filter((line) => line.startsWith(kind)).slice(-1);
  return { said: [...last("status"), ...last("alert")], focus };
}
