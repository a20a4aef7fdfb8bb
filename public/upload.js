// Sends the files of an upload form one by one, so that each says how far it is, and what is refused of one says nothing
// of the others. Without this script the browser sends them all at once and shows what became of them on a page.
(() => {
  "use strict";
  // It comes with every form of its kind.
  if (window.artikoUploads) return;
  window.artikoUploads = true;

  /** Sends a form; resolves with why it was refused, and with nothing when it was taken. */
  const send = (address, fields, progress) =>
    new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open("POST", address);
      request.setRequestHeader("Accept", "application/json");
      request.responseType = "json";
      request.upload.onprogress = ({ loaded, total }) => {
        progress.value = Math.floor((100 * loaded) / total);
      };
      request.onloadend = () => {
        if (request.status >= 200 && request.status < 300) return resolve("");
        const detail = request.response?.detail ?? "the file did not arrive; check the connection and try again";
        resolve(detail[0].toUpperCase() + detail.slice(1) + (/[.!?:]$/.test(detail) ? "" : "."));
      };
      request.send(fields);
    });

  const sendAll = async (form) => {
    const list = form.querySelector(".sent");
    list.replaceChildren();
    const fields = new FormData(form);
    let isAll = true;
    for (const file of fields.getAll("file")) {
      const line = document.createElement("li");
      const progress = document.createElement("progress");
      const outcome = document.createElement("span");
      progress.max = 100;
      progress.value = 0;
      progress.setAttribute("aria-label", file.name);
      line.append(file.name, " ", progress, outcome);
      list.append(line);
      // The same form each time, with another file in it.
      fields.set("file", file);
      const shown = setInterval(() => {
        outcome.textContent = progress.value < 100 ? ` ${progress.value} %` : " taken in…";
      }, 100);
      const refused = await send(form.action, fields, progress);
      clearInterval(shown);
      progress.remove();
      outcome.textContent = refused || "Uploaded.";
      isAll &&= !refused;
    }
    return isAll;
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-upload]")) return;
    event.preventDefault();
    const button = form.querySelector("footer button");
    if (button.disabled) return;
    const label = button.textContent;
    button.disabled = true;
    button.textContent = "Uploading…";
    const isAll = await sendAll(form);
    button.disabled = false;
    button.textContent = label;
    if (isAll && form.isConnected) form.querySelector("footer a").click();
  });
})();
