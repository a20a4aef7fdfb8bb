// The chat widget: a button in the corner of any page, and the chat behind it. It is one script without dependencies, in a
// shadow root of its own, so that the page's styles and the widget's do not meet. What a chatbot says is put in as text
// only, never as HTML. The script itself is ASCII, because a page of another encoding would read it in that one. It knows a
// public widget id and no secret; the server checks at every call where it is shown.
(() => {
  "use strict";
  const script = document.currentScript;
  const id = script?.dataset.widget;
  if (!id || document.querySelector(`artiko-widget[data-widget="${CSS.escape(id)}"]`)) return;
  const base = new URL(`/widget/${encodeURIComponent(id)}`, script.src).href;
  const unavailable = "This chat is not available right now.";
  const styles = `
:host{all:initial;color-scheme:light dark}
:host([data-theme=light]){color-scheme:light}
:host([data-theme=dark]){color-scheme:dark}
*{box-sizing:border-box}
.root{--bg:light-dark(#fff,#14171e);--text:light-dark(#14171f,#eceef3);--muted:light-dark(#5b6472,#a0a8b8);--line:light-dark(#858e9f,#667085);--soft:light-dark(#f2f4f7,#1b1f28);font:15px/1.5 system-ui,sans-serif;color:var(--text)}
button,input,textarea{font:inherit;color:inherit}
button{cursor:pointer}
:focus-visible{outline:3px solid light-dark(#1d4ed8,#93b4ff);outline-offset:2px}
.launch,.panel{position:fixed;z-index:2147483000;right:20px;bottom:20px}
.left .launch,.left .panel{right:auto;left:20px}
.launch{width:56px;height:56px;border:0;border-radius:50%;background:var(--colour);color:var(--ink);box-shadow:0 4px 16px rgb(0 0 0/.3)}
.launch svg{width:26px;height:26px;vertical-align:middle}
.panel{display:flex;flex-direction:column;width:380px;max-width:calc(100vw - 40px);height:560px;max-height:calc(100dvh - 40px);background:var(--bg);border:1px solid var(--line);border-radius:14px;overflow:hidden;box-shadow:0 16px 48px rgb(0 0 0/.35)}
[hidden]{display:none!important}
header{display:flex;align-items:center;gap:8px;padding:10px 8px 10px 16px;background:var(--colour);color:var(--ink)}
h2{flex:1;margin:0;font:600 16px/1.4 system-ui,sans-serif;overflow-wrap:anywhere}
.close{width:36px;height:36px;border:0;border-radius:8px;background:none;font-size:22px;line-height:1}
header :focus-visible{outline-color:var(--ink);outline-offset:-3px}
.log{flex:1;overflow-y:auto;padding:16px;display:flex;flex-direction:column;gap:12px}
.log p{margin:0;padding:9px 12px;border-radius:12px;white-space:pre-wrap;overflow-wrap:anywhere;max-width:88%;background:var(--soft);align-self:start}
.log .mine{align-self:end;background:var(--colour);color:var(--ink)}
.log .notice{background:none;padding:0;color:var(--muted);max-width:100%}
.log small{display:block;margin-top:6px;color:var(--muted);font-size:13px}
.ask{display:flex;flex-wrap:wrap;gap:8px}
.ask button,.again{padding:6px 12px;border:1px solid var(--line);border-radius:16px;background:none;text-align:start}
form{display:flex;gap:8px;padding:12px;border-top:1px solid var(--line)}
input,textarea{flex:1;min-width:0;height:44px;padding:9px 12px;border:1px solid var(--line);border-radius:10px;background:var(--bg);resize:none}
.more{padding:0 16px 8px}
.contact{flex:1;flex-direction:column;overflow-y:auto;gap:12px;border:0;padding:16px}
.contact label{display:grid;gap:4px}
.contact textarea{height:110px}
.contact p{margin:0;color:var(--muted);font-size:13px}
.contact .wrong:not(:empty){color:light-dark(#b42318,#ff9c92)}
.contact div{display:flex;gap:8px;justify-content:space-between}
.contact .send{min-height:44px}
.send{padding:0 16px;border:0;border-radius:10px;background:var(--colour);color:var(--ink);font-weight:600}
.send:disabled{opacity:.6;cursor:default}
.said{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media (max-width:480px){.panel,.left .panel{inset:0;width:auto;max-width:none;height:auto;max-height:none;border:0;border-radius:0}input,textarea{font-size:16px}}
`;

  const host = document.createElement("artiko-widget");
  host.dataset.widget = id;
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styles);
  shadow.adoptedStyleSheets = [sheet];

  /** An element with properties and children; texts become text. */
  const make = (tag, properties, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties ?? {})) {
      if (name in element) element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  // What a visitor said and heard, for as long as his tab is open. A page may forbid it; then it lasts as long as the page.
  const place = `artiko-${id}`;
  let kept = { session: "", turns: [], isOpen: false };
  try {
    kept = { ...kept, ...JSON.parse(sessionStorage.getItem(place)) };
  } catch {}
  const keep = () => {
    try {
      sessionStorage.setItem(place, JSON.stringify({ ...kept, turns: kept.turns.slice(-40) }));
    } catch {}
  };

  class Refusal extends Error {
    constructor(status, code, wait) {
      super(code);
      Object.assign(this, { status, code, wait });
    }
  }

  /** A call of the server; throws a `Refusal` with its status and code. */
  const call = async (path, options) => {
    const answer = await fetch(base + path, { credentials: "omit", referrerPolicy: "strict-origin", ...options });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    throw new Refusal(answer.status, problem.code, answer.headers.get("retry-after"));
  };

  const newSession = async () => {
    kept.session = (await (await call("/sessions", { method: "POST" })).json()).session;
    keep();
  };

  const newName = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

  /** Sends something under a name, so that it counts once however often it is sent; begins a session if needed. */
  const send = async (path, body, name, isAgain) => {
    if (!kept.session) await newSession();
    try {
      return await call(path, {
        method: "POST",
        headers: { Authorization: `Bearer ${kept.session}`, "Content-Type": "application/json", "Idempotency-Key": name },
        body: JSON.stringify(body),
      });
    } catch (error) {
      if (error.code !== "widget_session_ended" || isAgain) throw error;
      kept.session = "";
      return send(path, body, name, true);
    }
  };

  /** Why something was refused, as a visitor may know it. */
  const reason = ({ status, code, wait }, fallback, invalid) => {
    if (code === "chat_unavailable" || status === 403 || status === 404) return unavailable;
    if (status === 429) return `That was quick. Please wait ${wait ?? "a few"} seconds.`;
    return status === 422 ? invalid : fallback;
  };

  /** Calls `heard` with each server-sent event of an answer. */
  const listen = async (answer, heard) => {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)/.exec(event) ?? [];
        if (name) heard(name, JSON.parse(data));
      }
    }
  };

  const start = (look) => {
    const { name, welcome_message: welcome, suggested_questions: questions, takes_contacts: takesContacts } = look;
    const log = make("div", { className: "log", role: "log", tabIndex: 0, "aria-label": "Conversation", "aria-live": "off" });
    const said = make("div", { className: "said", role: "status" });
    const field = make("textarea", { rows: 1, required: true, maxLength: 4000, "aria-label": "Your message", placeholder: "Ask a question" });
    const submit = make("button", { className: "send" }, "Send");
    const form = make("form", null, field, submit);
    const more = make("div", { className: "more", hidden: !takesContacts });
    const contact = make("form", { className: "contact", hidden: true, "aria-label": "Leave a message" });
    const close = make("button", { type: "button", className: "close", "aria-label": "Close the chat" }, "\u00d7");
    const panel = make(
      "section",
      { className: "panel", role: "dialog", "aria-label": `Chat with ${name}`, hidden: true },
      make("header", null, make("h2", null, name), close),
      log,
      said,
      more,
      form,
      contact,
    );
    const launch = make("button", { type: "button", className: "launch", "aria-label": `Open the chat with ${name}`, "aria-expanded": "false" });
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("fill", "currentColor");
    path.setAttribute("d", "M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z");
    svg.append(path);
    launch.append(svg);
    const root = make("div", { className: `root ${look.position}` }, launch, panel);
    root.style.setProperty("--colour", look.colour);
    root.style.setProperty("--ink", look.ink);
    host.dataset.theme = look.theme;
    shadow.append(root);

    const show = (isOpen, takesFocus = true) => {
      panel.hidden = !isOpen;
      launch.hidden = isOpen;
      launch.setAttribute("aria-expanded", String(isOpen));
      kept.isOpen = isOpen;
      keep();
      if (takesFocus) (isOpen ? (contact.hidden ? field : contact.elements[1]) : launch).focus();
      if (isOpen) log.scrollTop = log.scrollHeight;
    };
    const add = (className, text) => {
      const line = make("p", { className }, text);
      log.append(line);
      log.scrollTop = log.scrollHeight;
      return line;
    };
    /** Names the sources. A document that the answer itself names, in parentheses behind what it quotes, is not said twice. */
    const cite = (line, citations) => {
      const unnamed = citations.filter(({ document, heading }) => heading || !line.textContent.includes(`(${document})`));
      const names = [...new Set(unnamed.map(({ document, heading }) => (heading ? `${document}, ${heading}` : document)))];
      if (names.length) line.append(make("small", null, `From: ${names.join("; ")}`));
    };

    /** Shows the form for a message to people in place of the chat, or the chat again. */
    const turn = (toContact) => {
      contact.hidden = !toContact;
      log.hidden = form.hidden = toContact;
      more.hidden = toContact || !takesContacts;
      (toContact ? contact.elements[1] : field).focus();
    };
    const offer = (text) => {
      const button = make("button", { type: "button", className: "again" }, text);
      button.onclick = () => turn(true);
      return button;
    };

    const ask = async (message, messageName = newName(), isNew = true) => {
      if (submit.disabled) return;
      submit.disabled = true;
      suggestions.hidden = true;
      if (isNew) add("mine", message);
      const line = add("theirs", "\u2026");
      said.textContent = "Answering";
      let text = "";
      try {
        let isDone = false;
        await listen(await send("/messages", { message }, messageName), (event, data) => {
          if (event === "delta") line.textContent = text += data.text;
          else if (event === "error") throw new Refusal(data.status, data.code);
          else if (event === "done") {
            isDone = true;
            line.textContent = text = data.text;
            cite(line, data.citations);
            kept.session = data.session;
            kept.turns.push({ message, text, citations: data.citations });
            keep();
          }
          log.scrollTop = log.scrollHeight;
        });
        if (!isDone) throw new Refusal();
        said.textContent = text;
        if (takesContacts && !kept.turns.at(-1).citations.length) add("notice", "").append(offer("Leave a message instead"));
      } catch (error) {
        line.remove();
        const told = reason(error, "The answer did not arrive.", "This message cannot be sent.");
        const notice = add("notice", told);
        const again = make("button", { type: "button", className: "again" }, "Try again");
        again.onclick = () => {
          notice.remove();
          field.focus();
          ask(message, messageName, false);
        };
        notice.append(" ", again);
        if (takesContacts) notice.append(" ", offer("Leave a message"));
        said.textContent = told;
      }
      submit.disabled = false;
      log.scrollTop = log.scrollHeight;
    };

    if (welcome) add("theirs", welcome);
    const suggestions = make("div", { className: "ask", role: "group", "aria-label": "Suggested questions", hidden: !questions.length || kept.turns.length > 0 });
    for (const question of questions) {
      const button = make("button", { type: "button" }, question);
      button.onclick = () => {
        field.focus();
        ask(question);
      };
      suggestions.append(button);
    }
    log.append(suggestions);
    for (const { message, text, citations } of kept.turns) {
      add("mine", message);
      cite(add("theirs", text), citations);
    }

    const labelled = (text, tag, properties) => make("label", null, text, make(tag, properties));
    const wrong = make("p", { className: "wrong", role: "alert" });
    const back = make("button", { type: "button", className: "again" }, "Back to the chat");
    const leave = make("button", { className: "send" }, "Send");
    contact.append(
      labelled("Your name (optional)", "input", { name: "name", maxLength: 80, autocomplete: "name" }),
      labelled("Your e-mail address", "input", { name: "email", type: "email", required: true, maxLength: 254, autocomplete: "email" }),
      labelled("What you want to say", "textarea", { name: "message", required: true, maxLength: 2000 }),
      make("p", null, "The owner of this chat reads it, with what you asked here, and may answer you by e-mail."),
      wrong,
      make("div", null, back, leave),
    );
    let contactName = newName();
    contact.onsubmit = async (event) => {
      event.preventDefault();
      if (leave.disabled) return;
      leave.disabled = true;
      wrong.textContent = "";
      try {
        const answer = await send("/contacts", Object.fromEntries(new FormData(contact)), contactName);
        kept.session = (await answer.json()).session;
        keep();
        contact.reset();
        contactName = newName();
        turn(false);
        said.textContent = add("notice", "Thank you. Your message was passed on.").textContent;
      } catch (error) {
        wrong.textContent = reason(error, "It did not arrive. Please try again.", "Please check your e-mail address and your message.");
      }
      leave.disabled = false;
    };
    back.onclick = () => turn(false);
    more.append(offer("Leave a message"));

    launch.onclick = () => show(true);
    close.onclick = () => show(false);
    form.onsubmit = (event) => {
      event.preventDefault();
      const message = field.value.trim();
      if (!message || submit.disabled) return;
      field.value = "";
      ask(message);
    };
    field.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    };
    panel.onkeydown = (event) => {
      // The page's own shortcuts are not meant by what is typed here.
      event.stopPropagation();
      if (event.key === "Escape") return show(false);
      if (event.key !== "Tab") return;
      const all = [...panel.querySelectorAll("button,input,textarea,[tabindex]")].filter((element) => !element.disabled && element.offsetParent);
      const [first, last] = [all[0], all.at(-1)];
      const leaves = event.shiftKey ? first : last;
      if (shadow.activeElement !== leaves) return;
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    };
    if (kept.isOpen && innerWidth > 480) show(true, false);
  };

  // A page that may not show it shows nothing; why is told on the console, for whoever builds the page.
  const load = async () => {
    try {
      start(await (await call("", {})).json());
      document.body.append(host);
    } catch (error) {
      console.warn(`Artiko: the widget ${id} is not shown (${error.code ?? "the server cannot be reached"}).`);
    }
  };
  if (document.body) load();
  else document.addEventListener("DOMContentLoaded", load);
})();
