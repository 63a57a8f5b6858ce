/** What the compiler says of right and wrong calls. It is compiled and never run. */

import {
  configureIntegrationLog,
  createClientLog,
  createIntegrationLog,
  flush,
  logIntegrationEvent,
  withIntegrationLog,
} from "./integration-log.ts";
import type { IntegrationEvent, Outcome } from "./integration-log.ts";

logIntegrationEvent("sendgrid", "sendgrid_email_sent", "success");
logIntegrationEvent("sendgrid", "sendgrid_error", "error", {
  error_code: 401,
  latency_ms: 118,
  detail: { secret_version: 7 },
});
logIntegrationEvent({ provider: "sendgrid", event: "sendgrid_error", outcome: "error", error_code: "timeout" });
logIntegrationEvent({
  provider: "sendgrid",
  event: "sendgrid_error",
  outcome: "error",
  error_code: null,
  detail: undefined,
});

// @ts-expect-error an outcome is one of two words
logIntegrationEvent("sendgrid", "sendgrid_error", "failure");
// @ts-expect-error an event has an outcome
logIntegrationEvent("sendgrid", "sendgrid_error");
// @ts-expect-error a misspelt column is no column
logIntegrationEvent("sendgrid", "sendgrid_error", "error", { errorCode: 401 });
// @ts-expect-error an event has a provider
logIntegrationEvent({ event: "sendgrid_error", outcome: "error" });

const nothing: void = logIntegrationEvent("sendgrid", "sendgrid_email_sent", "success");
const sent: Promise<boolean> = flush(2_000);

const names = { success: "sendgrid_email_sent", error: "sendgrid_error" };
const number: Promise<number> = withIntegrationLog("sendgrid", names, () => 1);
const response: Promise<Response> = withIntegrationLog("sendgrid", names, () => fetch("https://example.com"), {
  source: "mail",
});
const thenable: Promise<string> = withIntegrationLog(
  "sendgrid",
  names,
  (): PromiseLike<string> => Promise.resolve("a"),
);
// @ts-expect-error both names are needed
void withIntegrationLog("sendgrid", { success: "sendgrid_email_sent" }, () => 1);
// @ts-expect-error the result is that of the call
const wrong: Promise<string> = withIntegrationLog("sendgrid", names, () => 1);

configureIntegrationLog({ url: "https://ref.supabase.co", anonKey: "a", accessToken: async () => null });
configureIntegrationLog({ fetch: (url, init) => fetch(url, init), waitUntil: (work) => void work });
const own = createIntegrationLog({ source: "worker", onLost: (lost) => console.log(lost) });
own.logIntegrationEvent("sendgrid", "sendgrid_email_sent", "success" satisfies Outcome);

const phone = { url: "https://ref.supabase.co", anonKey: "public", accessToken: () => null };
createClientLog({ ...phone, keys: ["zoom"], release: "app@1.4.0" }).logIntegrationEvent("mapbox", "e", "success");
// @ts-expect-error a client has a user
createClientLog({ url: "https://ref.supabase.co", anonKey: "public" });
// @ts-expect-error a client has no service key
createClientLog({ ...phone, serviceKey: "secret" });

export type Event = IntegrationEvent;
export { nothing, number, response, sent, thenable, wrong };
