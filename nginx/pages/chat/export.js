// A conversation as a file: the branch that is shown as Markdown, or everything as JSON.

import { conversation as path, json } from "./api.js";
import { save } from "./dom.js";

/** @param last the end of the branch to write; null for the newest. */
export async function exportConversation(id, format, last = null) {
  const { messages, has_more, ...about } = await json("GET", `${path(id)}?all=true&limit=100`);
  for (let more = has_more; more;) {
    const page = await json("GET", `${path(id)}?all=true&limit=100&before=${messages[0].id}`);
    messages.unshift(...page.messages);
    more = page.has_more && page.messages.length > 0;
  }
  const name = about.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60) || "conversation";
  if (format === "json") {
    save(`${name}.json`, "application/json", `${JSON.stringify({ ...about, messages }, null, 2)}\n`);
    return;
  }
  const known = new Map(messages.map((message) => [message.id, message]));
  const branch = [];
  const end = known.get(last) ?? messages[messages.length - 1];
  for (let one = end; one; one = known.get(one.parent)) branch.unshift(one);
  const parts = branch.map((one) =>
    `## Question\n\n${quote(one.message)}\n\n## Answer${one.model ? ` (${one.model})` : ""}\n\n${one.response}\n`);
  save(`${name}.md`, "text/markdown", [`# ${about.title}\n`, ...parts].join("\n"));
}

const quote = (text) => text.split("\n").map((line) => `> ${line}`.trimEnd()).join("\n");
