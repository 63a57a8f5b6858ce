// An engine that knows no look behind: its expressions with one are no expressions.
import process from "node:process";

const usual = globalThis.RegExp;
globalThis.RegExp = function (source, flags) {
  if (/\(\?<[!=]/.test(source)) throw new SyntaxError("invalid group specifier name");
  return new usual(source, flags);
};
const { createIntegrationLog } = await import(process.argv[2]);
let calls = 0;
const lost = {};
const log = createIntegrationLog({
  url: "https://ref.supabase.co",
  serviceKey: "key",
  environ: {},
  fetch: async () => (calls++, { status: 201, headers: { get: () => null } }),
  onLost: (said) => Object.assign(lost, said),
});
log.logIntegrationEvent("sendgrid", "sendgrid_error", "error", { detail: { note: "mail to ada@example.com" } });
console.log(JSON.stringify({ delivered: await log.flush(), calls, lost }));
process.exit(0);
