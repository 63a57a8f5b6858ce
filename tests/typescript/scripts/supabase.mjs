// Calls through the real supabase-js, each answered as told, and what withIntegrationLog makes of them: one line a call.
// Arguments: where supabase-js is, where the writer is. Nothing leaves the process.

const [client, writer] = (globalThis.Deno?.args ?? process.argv.slice(2));
const { createClient } = await import(client);
const { createIntegrationLog } = await import(writer);

const CALLS = {
  "read rows": (db) => db.from("moments").select(),
  "read one row": (db) => db.from("moments").select().single(),
  "insert": (db) => db.from("moments").insert({ id: 1 }),
  "call a function of the database": (db) => db.rpc("discover_nearby_moments"),
  "read rows or throw": (db) => db.from("moments").select().throwOnError(),
  "call an edge function": (db) => db.functions.invoke("geocode", { body: {} }),
  "list files": (db) => db.storage.from("proofs").list(),
  "sign in": (db) => db.auth.signInWithPassword({ email: "nobody@example.com", password: "x" }),
};
const json = (status, said) =>
  Promise.resolve(new Response(JSON.stringify(said), { status, headers: { "content-type": "application/json" } }));
const SESSION = { access_token: "a.b.c", token_type: "bearer", expires_in: 3600, refresh_token: "r", user: { id: "u" } };
const ANSWERS = {
  "an ended session": () => json(401, { code: "PGRST301", message: "JWT expired" }),
  "a key that is none": () => json(401, { message: "Invalid API key" }),
  "a broken service": () => json(500, { message: "x" }),
  "no network": () => Promise.reject(new TypeError("fetch failed")),
  "what was asked for": (url) => json(200, `${url}`.includes("/auth/") ? SESSION : []),
};

const rows = [];
const log = createIntegrationLog({
  url: "https://ref.supabase.co",
  serviceKey: "sb_secret_stand_in",
  environ: {},
  gatherMs: 0,
  fetch: (_, { body }) => {
    rows.push(...JSON.parse(body));
    return Promise.resolve({ status: 201, headers: { get: () => null } });
  },
});

for (const [what, call] of Object.entries(CALLS)) {
  for (const [answered, fetch] of Object.entries(ANSWERS)) {
    const db = createClient("https://app.supabase.co", "public", {
      global: { fetch },
      auth: { persistSession: false, autoRefreshToken: false },
      realtime: { transport: class {} },
    });
    await log.withIntegrationLog("supabase", { success: "yes", error: "no" }, () => call(db)).catch(() => {});
    await log.flush();
    const { outcome, error_code } = rows.at(-1);
    console.log(JSON.stringify([what, answered, rows.length, outcome, error_code]));
  }
}
