// The manual's comforts: buttons that copy, this server's address in the commands, where one is on a page, and the
// search over all pages. Each page is whole without them.
"use strict";

const find = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// The address that the examples have is the one that `make run` serves at. Pages about running a server keep it.
const operators = ["start", "deploy", "operate", "providers", "settings", "security", "limits", "measurements"];
if (location.protocol === "https:" && !operators.includes(find("main").dataset.page)) {
    for (const code of all("main code")) {
        if (!/https:\/\/localhost:8443/.test(code.textContent)) continue;
        code.textContent = code.textContent.replaceAll("https://localhost:8443", location.origin);
    }
}

for (const block of all(".code:not([data-language=text], [data-language=json])")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy this block");
    button.addEventListener("click", async () => {
        const code = find("code", block);
        try {
            await navigator.clipboard.writeText(code.textContent);
            button.textContent = "Copied";
        } catch {
            getSelection().selectAllChildren(code);
            button.textContent = "Selected";
        }
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    block.append(button);
}

// The heading that is being read is marked in the contents.
const contents = find(".contents");
const entries = new Map(all(".contents a").map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
if (entries.size > 0) {
    const headings = all("main :is(h2, h3)[id]").filter((heading) => entries.has(heading.id));
    let marked = null;
    const mark = () => {
        const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 120);
        const link = entries.get((passed.at(-1) ?? headings[0])?.id);
        if (link === marked) return;
        marked?.removeAttribute("aria-current");
        marked = link;
        if (!link) return;
        link.setAttribute("aria-current", "true");
        // Long contents follow. Only they scroll, never the page.
        const below = link.offsetTop - contents.scrollTop;
        if (below < 0 || below > contents.clientHeight - 48) contents.scrollTop += below - contents.clientHeight / 2;
    };
    addEventListener("scroll", () => requestAnimationFrame(mark), { passive: true });
    mark();
}

// The search. The index is one entry a heading, [address, page, heading, text], and is fetched when it is first wanted.
const finder = find(".finder");
const field = find("#finder");
const list = find("#found");
const tally = find(".tally");
let index = null;

const fold = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

async function open() {
    if (finder.open) return;
    find("#pages").hidePopover?.();
    finder.showModal();
    field.select();
    if (index) return;
    try {
        const reply = await fetch("/docs/search.json");
        if (!reply.ok) throw new Error(`${reply.status}`);
        index = (await reply.json()).map(([address, page, heading, text]) =>
            ({ address, page, heading, text, folded: [fold(page), fold(heading), fold(text)] }));
        show();
    } catch {
        tally.textContent = "The search index could not be loaded.";
    }
}

/** How well an entry fits: every word must be in it; titles and headings weigh more, and so do beginnings of words. */
function weigh(entry, words) {
    let sum = 0;
    for (const word of words) {
        let best = 0;
        entry.folded.forEach((text, place) => {
            const at = text.indexOf(word);
            if (at < 0) return;
            const begins = at === 0 || !/[\p{L}\p{N}_]/u.test(text[at - 1]);
            best = Math.max(best, [6, 8, 1][place] * (begins ? 2 : 1));
        });
        if (best === 0) return 0;
        sum += best;
    }
    return sum;
}

/** Text with the words marked, as nodes: nothing is ever read as HTML. */
function marked(text, words) {
    const pattern = new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "giu");
    const nodes = [];
    let rest = 0;
    for (const match of text.matchAll(pattern)) {
        nodes.push(text.slice(rest, match.index));
        const mark = document.createElement("mark");
        mark.textContent = match[0];
        nodes.push(mark);
        rest = match.index + match[0].length;
    }
    return [...nodes, text.slice(rest)];
}

function excerpt(entry, words) {
    const at = Math.max(0, ...words.map((word) => entry.folded[2].indexOf(word)));
    const start = at < 60 ? 0 : entry.text.indexOf(" ", at - 50) + 1;
    return (start > 0 ? "… " : "") + entry.text.slice(start, start + 200);
}

function show() {
    const words = fold(field.value).split(/\s+/).filter(Boolean);
    const hits = words.length === 0 ? [] : (index ?? [])
        .map((entry) => [weigh(entry, words), entry]).filter(([weight]) => weight > 0)
        .sort(([one], [other]) => other - one);
    tally.textContent = words.length === 0 || !index ? ""
        : hits.length === 0 ? "Nothing found." : hits.length === 1 ? "One place." : `${hits.length} places.`;
    list.replaceChildren(...hits.slice(0, 30).map(([, entry]) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        const title = document.createElement("strong");
        const text = document.createElement("span");
        link.href = entry.address;
        title.append(...marked(entry.heading ? `${entry.page}: ${entry.heading}` : entry.page, words));
        text.append(...marked(excerpt(entry, words), words));
        link.append(title, text);
        item.append(link);
        return item;
    }));
    list.scrollTop = 0;
}

field.addEventListener("input", show);
list.addEventListener("click", () => finder.close());
finder.addEventListener("click", (event) => { if (event.target === finder) finder.close(); });
finder.addEventListener("keydown", (event) => {
    const links = all("a", list);
    const place = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown") (links[place + 1] ?? links[0])?.focus();
    else if (event.key === "ArrowUp") (place <= 0 ? field : links[place - 1]).focus();
    else if (event.key === "Enter" && event.target === field) links[0]?.click();
    // A search field would take the first Escape for itself.
    else if (event.key === "Escape") finder.close();
    else return;
    event.preventDefault();
});
for (const button of all("[data-search]")) button.addEventListener("click", open);
addEventListener("keydown", (event) => {
    const writes = event.target.closest?.("input, textarea, [contenteditable]");
    if (event.key === "/" && !writes || event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        open();
    }
});
