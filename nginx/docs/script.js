// Makes the page's commands ready to paste, and runs the “Try it” part. Nothing is stored and nothing is loaded.
"use strict";

const find = (selector) => document.querySelector(selector);

for (const code of document.querySelectorAll("pre:not(.reply) > code")) {
    code.textContent = code.textContent.replaceAll("{origin}", location.origin);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText(code.textContent);
            button.textContent = "Copied";
        } catch {
            getSelection().selectAllChildren(code);
            button.textContent = "Selected";
        }
    });
    code.parentElement.append(button);
}

let token = "";

function tell(text, isBad = false) {
    find("#status").textContent = text;
    find("#status").classList.toggle("bad", isBad);
}

function show(text) {
    find("#answer").hidden = false;
    find("#answer code").textContent = text;
}

function showObject(object) {
    find("#details").hidden = false;
    find("#details code").textContent = JSON.stringify(object, null, 2);
}

/** Throws the error object's message unless the reply is a 2xx. */
async function post(path, body) {
    const headers = { "Content-Type": "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    const reply = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    if (reply.ok) return reply;
    const error = await reply.json();
    showObject(error);
    throw new Error(`${error.status_code} ${error.error}: ${error.message}`);
}

/** The events of a reply as they arrive (WHATWG HTML, server-sent events; this server sends one data line each). */
async function* events(reply) {
    let rest = "";
    for await (const text of pieces(reply.body.pipeThrough(new TextDecoderStream()))) {
        const blocks = (rest + text).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
            const [, name, data] = block.match(/^event: (.*)\ndata: (.*)$/) ?? [];
            if (name) yield { name, data: JSON.parse(data) };
        }
    }
}

/** Not every browser can iterate a stream by itself. */
async function* pieces(stream) {
    const reader = stream.getReader();
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
    }
}

async function readStream(reply) {
    let text = "";
    for await (const event of events(reply)) {
        if (event.name === "delta") show(text += event.data.text);
        if (event.name === "error") throw new Error(event.data.message);
        if (event.name === "done") return event.data;
    }
    throw new Error("the answer was cut off");
}

/** Runs work for a form, with its button off meanwhile, and tells what went wrong. */
function onSubmit(selector, waiting, work) {
    const form = find(selector);
    const button = form.querySelector("button");
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        button.disabled = true;
        tell(waiting);
        try {
            await work();
        } catch (error) {
            tell(error.message, true);
        }
        button.disabled = false;
    });
}

onSubmit("#login", "Logging in…", async () => {
    token = "";
    const session = await (await post("/auth/email", { email: find("#email").value })).json();
    token = session.access_token;
    find("#ask fieldset").disabled = false;
    tell(`Logged in; ${session.messages_left} messages left.`);
    find("#question").focus();
});

onSubmit("#ask", "Waiting for the answer…", async () => {
    const stream = find("#streamed").checked;
    show("");
    find("#details").hidden = true;
    const reply = await post("/chat", { content: find("#question").value, stream });
    const object = stream ? await readStream(reply) : await reply.json();
    show(object.content);
    showObject(object);
    tell(object.blocked ? "Held back for safety." : object.cached ? "Answered from the cache." : `Answered by ${object.model}.`);
});
