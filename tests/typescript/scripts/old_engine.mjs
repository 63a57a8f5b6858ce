// An engine that knows no look behind: its expressions with one are no expressions.
import process from "node:process";

const usual = globalThis.RegExp;
globalThis.RegExp = function (source, flags) {
  if (/\(\?<[!=]/.test(source)) throw new SyntaxError("invalid group specifier name");
  return new usual(source, flags);
};
const { createClientLog, createIntegrationLog } = await import(process.argv[2]);
let calls = 0;
const lost = {};
const options = {
  url: "https://ref.supabase.co",
  environ: {},
  fetch: async () => (calls++, { status: 201, headers: { get: () => null } }),
  onLost: (said) => Object.assign(lost, said),
};
const log = createIntegrationLog({ ...options, serviceKey: "key" });
log.logIntegrationEvent("sendgrid", "sendgrid_error", "error", { detail: { note: "mail to ada@example.com" } });
const delivered = await log.flush();
const client = createClientLog({ ...options, anonKey: "public", accessToken: () => "jwt", keys: ["zoom"] });
client.logIntegrationEvent("mapbox", "mapbox_error", "error", { detail: { zoom: 3 } });
console.log(JSON.stringify({ delivered, calls, lost, client: await client.flush() }));
process.exit(0);
