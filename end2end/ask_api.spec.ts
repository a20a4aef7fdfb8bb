// The published call, as a program sends it, while somebody looks at the page.

import { addBalance, addDocument, ask, createChatbot, createKey, expectBalance, keyAction, keysCard, open, signUp } from "./steps.ts";
import { expect, test } from "./test.ts";

test("a call answers, costs credit, and the open page shows it", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "The shop opens at nine.");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  await expectBalance(page, "$5.000000");

  const first = await ask(request, key, { chatbot_id: chatbot, user_message: "When does the shop open?", conversation_id: null });
  expect(first.status()).toBe(200);
  const answer = await first.json();
  expect(answer).toMatchObject({ success: true, chatbot_message: expect.stringContaining("The shop opens at nine.") });
  expect(first.headers()["x-credit-remaining"]).toBe("4.998000");
  await expectBalance(page, "$4.998000", 1_000);
  await expect(keysCard(page).getByRole("row", { name: /Production/ })).toContainText("just now");

  // A conversation goes on under its id, and is not found under another chatbot.
  const next = { chatbot_id: chatbot, user_message: "open?", conversation_id: answer.conversation_id };
  expect((await (await ask(request, key, next)).json()).conversation_id).toBe(answer.conversation_id);
  await expectBalance(page, "$4.996000", 1_000);

  await page.goto("/usage");
  await expect(page.getByRole("row", { name: /Message.*Production.*Help centre.*API.*−\$0\.002000.*\$4\.996000/ })).toBeVisible();
});

test("without credit a call is refused with 402 and where to add some", async ({ page, request, baseURL }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  const key = await createKey(page, "Production");
  const refused = await ask(request, key, { chatbot_id: chatbot, user_message: "Hello?" });
  expect(refused.status()).toBe(402);
  expect(refused.headers()["content-type"]).toBe("application/problem+json");
  expect(await refused.json()).toMatchObject({
    success: false,
    status: 402,
    code: "insufficient_credit",
    required: "0.002000",
    available: "0.000000",
    request_id: expect.stringMatching(/^req_/),
    add_balance_url: `${baseURL}/settings?add-balance=10`,
  });
});

test("a wrong secret and a deleted key are refused with 401, and nothing is charged", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  const other = await createKey(page, "Other");
  const call = (credential: typeof key) => ask(request, credential, { chatbot_id: chatbot, user_message: "Hello?" });

  const mixed = await call({ ...key, consumerSecret: other.consumerSecret });
  expect([mixed.status(), (await mixed.json()).code]).toEqual([401, "invalid_credential"]);
  const typo = await call({ ...key, consumerSecret: key.consumerSecret.slice(0, -1) + "!" });
  expect([typo.status(), (await typo.json()).code]).toEqual([401, "malformed_credential"]);
  expect((await call(key)).status()).toBe(200);

  await keyAction(page, "Production", "Delete");
  const dialog = page.getByRole("dialog", { name: "Delete API key" });
  await dialog.getByLabel("Type Production to confirm").fill("Production");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(dialog).toBeHidden();
  const deleted = await call(key);
  expect([deleted.status(), (await deleted.json()).code]).toEqual([401, "invalid_credential"]);
  await open(page, "/settings");
  await expectBalance(page, "$4.998000");
});

test("a regenerated secret works at once and the old one no more", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const old = await createKey(page, "Production");
  await keyAction(page, "Production", "Regenerate");
  await page.getByRole("dialog", { name: "Regenerate API key" }).getByRole("button", { name: "Regenerate" }).click();
  const shown = page.getByRole("dialog", { name: "Your new secret" });
  const consumerSecret = await shown.getByLabel("Consumer Secret", { exact: true }).inputValue();
  const body = { chatbot_id: chatbot, user_message: "Hello?" };
  expect((await ask(request, old, body)).status()).toBe(401);
  expect((await ask(request, { ...old, consumerSecret }, body)).status()).toBe(200);
});

test("bad requests are refused in one form and charged nothing", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  const authorization = `${key.consumerKey}:${key.consumerSecret}`;
  const send = async (options: { headers?: Record<string, string>; data?: unknown }, path = "/wp-json/send-message/v1/ask") => {
    const answer = await request.post(path, options);
    const body = await answer.json();
    expect(body).toMatchObject({ success: false, status: answer.status(), request_id: expect.any(String) });
    expect(answer.headers()["content-type"]).toBe("application/problem+json");
    return [answer.status(), body.code];
  };
  const headers = { Authorization: authorization };
  const json = { ...headers, "Content-Type": "application/json" };
  const question = { chatbot_id: chatbot, user_message: "Hello?" };
  expect(await send({ data: question })).toEqual([401, "missing_credential"]);
  expect(await send({ headers: { Authorization: "ck_1:sk_1" }, data: question })).toEqual([401, "malformed_credential"]);
  expect(await send({ headers: json, data: "{" })).toEqual([400, "malformed_request"]);
  expect(await send({ headers: { ...headers, "Content-Type": "text/plain" }, data: "hello" })).toEqual([415, "unsupported_media_type"]);
  expect(await send({ headers, data: { ...question, user_message: "" } })).toEqual([422, "invalid_field"]);
  expect(await send({ headers, data: { ...question, user_message: "x".repeat(4_001) } })).toEqual([422, "invalid_field"]);
  expect(await send({ headers, data: { ...question, user_message: "x".repeat(70_000) } })).toEqual([413, "too_large"]);
  expect(await send({ headers, data: { ...question, chatbot_id: "bot_nobody" } })).toEqual([404, "not_found"]);
  expect(await send({ headers, data: { ...question, conversation_id: "conv_nothing" } })).toEqual([404, "not_found"]);
  expect(await send({ headers, data: question }, "/wp-json/send-message/v1/nothing")).toEqual([404, "not_found"]);
  await open(page, "/settings");
  await expectBalance(page, "$5.000000");
});
