/**
 * What the writer promises, under whichever runtime this is: Node runs it compiled, Deno and Bun as it is. One line a
 * test (`ok NAME` or `not ok NAME: WHY`), and exit code 1 where one failed.
 */

import { createClientLog, createIntegrationLog, flush, logIntegrationEvent, Scrubber } from "./integration-log.ts";
import type { EventFields, IntegrationLog, Options } from "./integration-log.ts";

type Row = Record<string, unknown> & { id: string; event: string; detail: Record<string, unknown> };
type Answer = number | "rejects" | "throws" | "hangs" | Promise<number>;

interface Call {
  url: string;
  headers: Record<string, string>;
  keepalive: boolean;
  redirect: string;
  aborted: () => boolean;
  body: string;
  rows: Row[];
}

/** A network that answers what it is told, then 201. */
class Net {
  calls: Call[] = [];
  lost: Record<string, number>[] = [];
  answers: Answer[] = [];
  retryAfter: string | null = null;

  fetch: NonNullable<Options["fetch"]> = (url, init) => {
    const parsed = JSON.parse(init.body) as Row[] | { events: Row[] };
    const rows = Array.isArray(parsed) ? parsed : parsed.events;
    const { headers, keepalive, redirect, body, signal } = init;
    this.calls.push({ url, headers, keepalive, redirect, body, rows, aborted: () => signal.aborted });
    const answer = this.answers.shift() ?? 201;
    if (answer === "throws") throw new Error("fetch threw");
    if (answer === "rejects") return Promise.reject(new TypeError("fetch failed"));
    if (answer === "hangs") return new Promise(() => {});
    const headersOfAnswer = { get: (name: string) => (name === "retry-after" ? this.retryAfter : null) };
    return Promise.resolve(answer).then((status) => ({ status, headers: headersOfAnswer }));
  };

  get events(): string[] {
    return this.calls.flatMap((call) => call.rows.map((row) => row.event));
  }

  get lostInAll(): Record<string, number> {
    const all: Record<string, number> = {};
    for (const one of this.lost) for (const [why, number] of Object.entries(one)) all[why] = (all[why] ?? 0) + number;
    return all;
  }
}

const KEY = "sb_secret_KqT0pXn3vR8wZy2LmA5cJd";

function writing(options: Partial<Options> = {}): { net: Net; log: IntegrationLog; use: (event: string) => void } {
  const net = new Net();
  const log = createIntegrationLog({
    url: "https://ref.supabase.co",
    serviceKey: KEY,
    environ: {},
    fetch: net.fetch,
    gatherMs: 0,
    repeatMs: 0,
    onLost: (lost) => void net.lost.push({ ...lost }),
    ...options,
  });
  return { net, log, use: (event) => log.logIntegrationEvent("sendgrid", event, "success") };
}

const tests: [string, () => Promise<void> | void][] = [];

function test(name: string, body: () => Promise<void> | void): void {
  tests.push([name, body]);
}

function same(found: unknown, expected: unknown, about = ""): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${about} expected ${other}, found ${one}`);
}

function holds(condition: unknown, about: string): void {
  if (!condition) throw new Error(about);
}

/** Global names for the length of a test, as another runtime has them. */
async function having(globals: Record<string | symbol, unknown>, body: () => Promise<void>): Promise<void> {
  const names = Reflect.ownKeys(globals);
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  for (const name of names) {
    Object.defineProperty(globalThis, name, { value: globals[name], configurable: true, writable: true });
  }
  try {
    await body();
  } finally {
    names.forEach((name, place) => {
      delete (globalThis as Record<string | symbol, unknown>)[name];
      if (before[place]) Object.defineProperty(globalThis, name, before[place]);
    });
  }
}

function gate(): { open: (status?: number) => void; answer: Promise<number> } {
  let open: (status: number) => void = () => {};
  const answer = new Promise<number>((resolve) => (open = resolve));
  return { open: (status = 201) => open(status), answer };
}

/** All that can happen without the clock. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

test("a call is a row with the columns of the event log", async () => {
  const { net, log } = writing({
    environment: "staging",
    release: "app@1.2",
    deploymentId: "dpl_1",
    source: "functions",
  });
  log.logIntegrationEvent({
    provider: "sendgrid",
    event: "sendgrid_error",
    outcome: "error",
    error_code: 401,
    latency_ms: 118.4,
    correlation_id: "c-1",
    detail: { template: "receipt" },
  });
  same(await log.flush(), true);
  const [{ rows: [row], url, headers }] = net.calls as [Call];
  same(url, "https://ref.supabase.co/rest/v1/integration_events?on_conflict=id");
  same([headers["apikey"], headers["authorization"]], [KEY, `Bearer ${KEY}`]);
  same(headers["prefer"], "resolution=ignore-duplicates,return=minimal");
  holds(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(row!.id), `no UUIDv7: ${row!.id}`);
  holds(Math.abs(Date.parse(row!["occurred_at"] as string) - Date.now()) < 60_000, "not the time of the call");
  same(parseInt(row!.id.replace("-", "").slice(0, 12), 16), Date.parse(row!["occurred_at"] as string), "an id's time:");
  same({ ...row, id: "", occurred_at: "" }, {
    id: "",
    occurred_at: "",
    provider: "sendgrid",
    event: "sendgrid_error",
    outcome: "error",
    error_code: "401",
    latency_ms: 118,
    release: "app@1.2",
    correlation_id: "c-1",
    detail: { template: "receipt", deployment_id: "dpl_1" },
    environment: "staging",
    source: "functions",
    synthetic: false,
  });
});

test("the positional form makes the same row", async () => {
  const { net, log } = writing();
  log.logIntegrationEvent("twilio", "twilio_sms_sent", "success", { latency_ms: 5, source: "sms", synthetic: true });
  log.logIntegrationEvent({
    provider: "twilio",
    event: "twilio_sms_sent",
    outcome: "success",
    latency_ms: 5,
    source: "sms",
    synthetic: true,
  });
  await log.flush();
  const [one, other] = net.calls[0]!.rows.map((row) => ({ ...row, id: "", occurred_at: "" }));
  same(one, other);
});

test("release, environment and deployment come from the same variables as in Python, the first that is set", async () => {
  const environ = {
    RELEASEGUARD_ENVIRONMENT: " ",
    VERCEL_TARGET_ENV: "canary",
    VERCEL_ENV: "preview",
    SENTRY_RELEASE: "",
    VERCEL_GIT_COMMIT_SHA: "0a1b2c3",
    GITHUB_SHA: "other",
    VERCEL_DEPLOYMENT_ID: "dpl_2",
    RELEASEGUARD_EVENTS_URL: "https://other.supabase.co/",
    SUPABASE_SERVICE_ROLE_KEY: KEY,
  };
  const { net, log, use } = writing({ url: undefined, serviceKey: undefined, environ });
  use("sendgrid_email_sent");
  await log.flush();
  const [{ url, rows: [row] }] = net.calls as [Call];
  same(url.slice(0, 26), "https://other.supabase.co/");
  same([row!["environment"], row!["release"], row!.detail["deployment_id"]], ["canary", "0a1b2c3", "dpl_2"]);
});

test("a call makes nobody wait: nothing is sent before it returns", () => {
  const { net, use } = writing();
  use("sendgrid_email_sent");
  same(net.calls.length, 0);
});

test("a call takes the time and a copy, and leaves ids and checks for later: the first one asks a runtime for nothing", async () => {
  let asked = 0;
  const slow = {
    getRandomValues: (numbers: Uint16Array) => (asked++, numbers.map(() => Math.random() * 65536)),
  };
  await having({ crypto: slow }, async () => {
    const { net, log, use } = writing();
    for (let number = 0; number < 300; number++) use("a");
    same(asked, 0);
    await log.flush();
    holds(asked > 0, "no ids were asked for");
    same(new Set(net.calls.flatMap((call) => call.rows.map((row) => row.id))).size, 300);
  });
});

test("what the app changes after the call is not in the event", async () => {
  const { net, log } = writing();
  const detail = { items: ["a"], state: "before" };
  log.logIntegrationEvent("sendgrid", "e", "success", { detail });
  detail.items.push("b");
  detail.state = "after";
  await log.flush();
  same(net.calls[0]!.rows[0]!.detail, { items: ["a"], state: "before" });
});

test("events go in batches and in order", async () => {
  const { net, log, use } = writing();
  const names = Array.from({ length: 250 }, (_, number) => `e${number}`);
  names.forEach(use);
  same(await log.flush(), true);
  same(net.calls.map((call) => call.rows.length), [100, 100, 50]);
  same(net.events, names);
});

test("what is logged while a batch is on its way goes after it, and is not lost", async () => {
  const { net, log, use } = writing();
  const slow = gate();
  net.answers = [slow.answer];
  use("first");
  await settled();
  use("second");
  await settled();
  same(net.events, ["first"], "the second waits for the first:");
  const flushed = log.flush();
  use("third");
  slow.open();
  same(await flushed, true);
  await log.flush();
  same(net.events, ["first", "second", "third"]);
});

test("an event is logged in the very moment in which a delivery begins, and delivered", async () => {
  let more = 3;
  const { net, log, use } = writing({
    fetch: (url, init) => {
      if (more-- > 0) use(`more${more}`);
      return net.fetch(url, init);
    },
  });
  use("first");
  for (let turn = 0; turn < 4; turn++) await log.flush();
  same(net.events, ["first", "more2", "more1", "more0"]);
});

for (const answer of ["throws", "rejects", 500, 503, 408, 429] as const) {
  test(`a fetch that ${answer} is repeated once, with the same ids`, async () => {
    const { net, log, use } = writing();
    net.answers = [answer];
    use("e");
    same(await log.flush(), true);
    same(net.calls.length, 2);
    same(net.calls[0]!.body, net.calls[1]!.body);
    same(net.lost, []);
  });

  test(`a fetch that ${answer} twice costs the events of that batch and is counted`, async () => {
    const { net, log, use } = writing();
    net.answers = [answer, answer];
    use("e");
    use("f");
    same(await log.flush(), false);
    same(Object.values(net.lostInAll), [2]);
    use("g");
    same(await log.flush(), true);
    holds(net.events.includes("g"), "the next event is not delivered");
  });
}

test("a fetch that hangs is given up, aborted and repeated; the app and the next events go on", async () => {
  const { net, log, use } = writing({ requestMs: 5 });
  net.answers = ["hangs", "hangs"];
  use("e");
  same(await log.flush(), false);
  same(net.calls.map((call) => call.aborted()), [true, true]);
  same(net.lostInAll, { "the event log did not answer": 1 });
  use("f");
  same(await log.flush(), true);
});

test("flush waits no longer than it is told", async () => {
  const { net, log, use } = writing();
  net.answers = ["hangs", "hangs"];
  use("e");
  same(await log.flush(1), false);
});

test("a request that is answered is not aborted", async () => {
  const { net, log, use } = writing();
  use("e");
  await log.flush();
  same(net.calls[0]!.aborted(), false);
});

test("a store that asks for patience is given it, within bounds", async () => {
  const { net, log, use } = writing();
  net.answers = [429];
  net.retryAfter = "0.02";
  use("e");
  const before = performance.now();
  same(await log.flush(), true);
  holds(performance.now() - before >= 15, "repeated at once");
});

test("what is too large in one request goes in smaller ones", async () => {
  const { net, log, use } = writing();
  net.answers = [413, 413];
  ["a", "b", "c", "d"].forEach(use);
  same(await log.flush(), true);
  same(net.calls.map((call) => call.rows.map((row) => row.event).join("")), ["abcd", "ab", "a", "b", "cd"]);
  same(net.lost, []);
});

test("one row that is refused costs no other", async () => {
  const { net, log, use } = writing({
    fetch: (url, init) => {
      net.answers = [init.body.includes('"bad"') ? 400 : 201];
      return net.fetch(url, init);
    },
  });
  ["a", "b", "bad", "c", "d"].forEach(use);
  same(await log.flush(), false);
  same(net.lostInAll, { "the event log refused the row (400)": 1 });
  for (const event of ["a", "b", "c", "d"]) holds(net.events.includes(event), `${event} is lost`);
});

test("a log that refuses every row is not asked for each", async () => {
  const { net, log, use } = writing();
  net.answers = Array.from({ length: 300 }, () => 400);
  for (let number = 0; number < 100; number++) use(`e${number}`);
  same(await log.flush(), false);
  holds(net.calls.length <= 60, `${net.calls.length} requests`);
  same(net.lostInAll["the event log refused the row (400)"] ?? 0, 100);
});

for (
  const [status, why] of [
    [401, "the event log refused the key (401)"],
    [403, "the event log refused the key (403)"],
    [404, "the event log has no such table or function: run events migrate (404)"],
  ] as [number, string][]
) {
  test(`${status} blames the key or the table: no repeat, no smaller requests`, async () => {
    const { net, log, use } = writing();
    net.answers = [status];
    ["a", "b"].forEach(use);
    same(await log.flush(), false);
    same(net.calls.length, 1);
    same(net.lostInAll, { [why]: 2 });
  });
}

test("a redirection is not followed: the key is for the log alone", async () => {
  const { net, log, use } = writing();
  net.answers = [302];
  use("e");
  same(await log.flush(), false);
  same([net.calls.length, net.calls[0]!.redirect], [1, "manual"]);
});

test("a queue that is full takes no more and counts what it did not take", async () => {
  const { net, log, use } = writing({ maxEvents: 3 });
  ["a", "b", "c", "d", "e"].forEach(use);
  same(await log.flush(), true, "what it took is there:");
  same(net.events.filter((event) => event.length === 1), ["a", "b", "c"]);
  same(net.calls[0]!.rows.at(-1)!.detail["dropped"], 2);
});

for (
  const [what, fields] of [
    ["details", { detail: { text: "word ".repeat(10_000) } }],
    ["columns", { error_code: "word ".repeat(600), source: "word ".repeat(600), correlation_id: "word ".repeat(600) }],
  ] as [string, EventFields][]
) {
  test(`large ${what} fill it as well`, async () => {
    const { net, log } = writing({ maxCharacters: 20_000 });
    for (let number = 0; number < 10; number++) log.logIntegrationEvent("sendgrid", `e${number}`, "success", fields);
    await log.flush();
    holds(net.events.length < 6, `${net.events.length} events`);
    holds(net.calls.every((call) => call.body.length < 60_000), "a request is large");
  });
}

test("a detail is bounded whatever it is", async () => {
  const { net, log } = writing();
  const deep: Record<string, unknown> = {};
  let at = deep;
  for (let level = 0; level < 10_000; level++) at = at["x"] = {};
  const ring: Record<string, unknown> = {};
  ring["self"] = ring;
  const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, number) => [`k${number}`, number]));
  let nested: unknown[] = [];
  for (let level = 0; level < 10_000; level++) nested = [nested];
  for (const detail of [deep, ring, wide, { list: new Array(100_000).fill("x") }, { nested }]) {
    log.logIntegrationEvent("sendgrid", "e", "success", { detail });
  }
  same(await log.flush(), true);
  for (const row of net.calls.flatMap((call) => call.rows)) {
    holds(JSON.stringify(row).length < 40_000, "a row is large");
    holds(JSON.stringify(row).includes("[cut]"), "the cut is not said");
    holds(!JSON.stringify(row).includes("[".repeat(9)), "a row is deep");
  }
});

test("a latency is a whole number that every store can hold, a text that is too long begins as it did", async () => {
  const { net, log } = writing();
  const given = [2.5, 3.5, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, -1, NaN, "7"] as number[];
  const text = "begins " + "word ".repeat(1_000);
  for (const latency_ms of given) log.logIntegrationEvent("sendgrid", "e", "success", { latency_ms, detail: { text } });
  await log.flush();
  const rows = net.calls.flatMap((call) => call.rows);
  same(rows.map((row) => row["latency_ms"]), [2, 4, 2 ** 31 - 2, null, null, null, null, null]);
  const told = rows[0]!.detail["text"] as string;
  same([told.length, told.slice(0, 11), told.slice(-5)], [2_000, "begins word", "[cut]"]);
});

test("anything in a detail becomes JSON", async () => {
  const { net, log } = writing();
  const detail = {
    when: new Date(0),
    big: 12n,
    none: undefined,
    not: NaN,
    bytes: new Uint8Array(3),
    error: new RangeError("out of stock"),
    map: new Map([["a", 1]]),
    set: new Set([1]),
    call: () => 1,
    symbol: Symbol("s"),
    lone: "\ud800x\0y",
    boxed: new String("mail to ada@example.com"),
    get broken(): string {
      throw new Error("no");
    },
  };
  log.logIntegrationEvent("sendgrid", "e", "success", { detail });
  await log.flush();
  same(net.calls[0]!.rows[0]!.detail, {
    when: "1970-01-01T00:00:00.000Z",
    big: "12",
    none: null,
    not: "NaN",
    bytes: "[3 bytes]",
    error: "RangeError: out of stock",
    map: { a: 1 },
    set: [1],
    call: "[function]",
    symbol: "Symbol(s)",
    lone: "?xy",
    boxed: "mail to [email]",
    broken: "[unreadable]",
  });
});

test("no text is cut in the middle of a character: no store would take the row", async () => {
  const { net, log } = writing();
  const long = "a" + "\u{1f600}".repeat(1_500);
  const said = { error_code: long, release: long, source: long, correlation_id: long, detail: { long } };
  log.logIntegrationEvent("sendgrid", "e", "error", said);
  log.logIntegrationEvent("a" + "\u{1f600}".repeat(99) + "b", "e", "error");
  await log.flush();
  const rows = net.calls.flatMap((call) => call.rows);
  same(rows.length, 2);
  holds(!/\\ud[89ab]/.test(JSON.stringify(rows)), "half a character is left");
});

test("lists in place of a word are not written out, however long they are", async () => {
  const { net, log } = writing();
  const holes: unknown[] = [];
  holes[1e7] = 1;
  const call = log.logIntegrationEvent as (...given: unknown[]) => void;
  for (const error_code of [holes, [1, 2], new Float64Array(1e5), "ok"]) call("sendgrid", "e", "error", { error_code });
  call("sendgrid", "e", "error", { detail: new Map([[holes, 1]]) });
  await log.flush();
  const rows = net.calls.flatMap((call) => call.rows);
  same(rows.map((row) => row["error_code"]), ["[list]", "[list]", "[list]", "ok", null]);
  same(rows.at(-1)!.detail, { "[list]": 1 });
});

test("no argument makes a call throw", async () => {
  const { net, log } = writing();
  const call = log.logIntegrationEvent as (...given: unknown[]) => void;
  const throwing = new Proxy({}, {
    get: () => {
      throw new Error("no");
    },
  });
  const odd = [
    undefined,
    null,
    1,
    "",
    {},
    [],
    throwing,
    Symbol("x"),
    () => {},
    Object.create(null),
    { provider: "a" },
    { toString: null },
  ];
  for (const one of odd) {
    call(one);
    call(one, one, one, one);
    call("sendgrid", one, "success");
    call("sendgrid", "e", one);
  }
  for (const one of odd) {
    call("sendgrid", "e", "success", { error_code: one, latency_ms: one, detail: one, correlation_id: one });
  }
  await log.flush();
  holds(Object.values(net.lostInAll).reduce((sum, number) => sum + number, 0) > 0, "nothing is counted");
});

for (
  const [provider, event] of [["releaseguard", "e"], [" ReleaseGuard ", "e"], ["sendgrid", "release_deployed"], [
    "sendgrid",
    "Rotation_Proven",
  ]] as const
) {
  test(`${provider}/${event} is a name of releaseguard's own and refused`, async () => {
    const { net, log } = writing();
    log.logIntegrationEvent(provider, event, "success");
    await log.flush();
    same(net.events.filter((one) => one !== "events_dropped"), []);
    same(net.lostInAll, { "provider or event is a name of releaseguard's own rows": 1 });
  });
}

test("lost events are written as a row, at most once a minute", async () => {
  const { net, log, use } = writing();
  const refused = (): void => log.logIntegrationEvent("releaseguard", "e", "success");
  refused();
  refused();
  use("a");
  await log.flush();
  refused();
  use("b");
  await log.flush();
  const rows = net.calls.flatMap((call) => call.rows).filter((row) => row.event === "events_dropped");
  same(rows.map((row) => row.detail["dropped"]), [2]);
  same([rows[0]!["provider"], rows[0]!["outcome"], rows[0]!["source"]], ["releaseguard", "error", "writer"]);
});

test("a clock that is set back does not keep losses from being told", async () => {
  let ticks = 0;
  const { net, log } = writing();
  const usual = Date.now;
  await having({ performance: { now: () => ticks } }, async () => {
    for (const [back, reaches] of [[0, 0], [86_400_000, 30_000], [86_400_000, 60_000]] as const) {
      Date.now = () => usual() - back;
      ticks = reaches;
      log.logIntegrationEvent("releaseguard", "e", "success");
      await log.flush();
    }
  }).finally(() => (Date.now = usual));
  const why = "provider or event is a name of releaseguard's own rows";
  same(net.lost, [{ [why]: 1 }, { [why]: 2 }]);
  same(net.calls.flatMap((call) => call.rows).map((row) => row.detail["dropped"]), [1, 2]);
});

test("an app that throws when it is told of losses is none the worse", async () => {
  const { net, log, use } = writing({
    onLost: () => {
      throw new Error("no");
    },
  });
  log.logIntegrationEvent("releaseguard", "e", "success");
  use("a");
  same(await log.flush(), false); // one of the two is not in the log
  same(await log.flush(), true);
  holds(net.events.includes("a"), "the event is lost");
});

test("without an address or a key events are counted as lost and nothing is asked", async () => {
  for (const options of [{ url: "" }, { serviceKey: undefined }]) {
    const { net, log, use } = writing(options);
    use("e");
    same(await log.flush(), false);
    same([net.calls.length, net.lostInAll], [0, { "no event log is configured": 1 }]);
  }
});

for (
  const url of [
    "http://ref.supabase.co",
    "http://127.0.0.1.evil.example",
    "ftp://localhost",
    "//ref.supabase.co",
    "http://localhost@evil.example",
  ]
) {
  test(`a key is not sent to ${url}`, async () => {
    const { net, log, use } = writing({ url });
    use("e");
    await log.flush();
    same([net.calls.length, net.lostInAll], [0, { "the event log's address is not https": 1 }]);
  });
}

test("waitUntil is given what ends when the event is sent", async () => {
  const works: Promise<unknown>[] = [];
  const { net, use } = writing({ waitUntil: (work) => void works.push(work), gatherMs: 1 });
  const slow = gate();
  net.answers = [slow.answer];
  use("e");
  same(works.length, 1);
  let ended = false;
  void works[0]!.then(() => (ended = true));
  await settled();
  same(ended, false, "before the answer:");
  slow.open();
  await works[0];
  same(net.events, ["e"]);
});

test("an edge function is kept alive for events logged after its answer too", async () => {
  const works: Promise<unknown>[] = [];
  await having({ EdgeRuntime: { waitUntil: (work: Promise<unknown>) => void works.push(work) } }, async () => {
    const { net, use } = writing();
    const slow = gate();
    net.answers = [slow.answer];
    use("during the request");
    await settled();
    use("in the app's own background work");
    slow.open();
    await Promise.all(works);
    same(net.events, ["during the request", "in the app's own background work"]);
  });
});

test("each request at Vercel waits for its own events", async () => {
  const works: Record<string, Promise<unknown>[]> = { one: [], two: [] };
  let request = "one";
  const contexts: Record<string, { waitUntil(work: Promise<unknown>): void }> = {
    one: { waitUntil: (work) => void works["one"]!.push(work) },
    two: { waitUntil: (work) => void works["two"]!.push(work) },
  };
  await having({ [Symbol.for("@vercel/request-context")]: { get: () => contexts[request] } }, async () => {
    const { net, use } = writing();
    use("a");
    request = "two";
    use("b");
    use("c");
    same([works["one"]!.length, works["two"]!.length], [1, 1]);
    await works["two"]![0];
    same(net.events, ["a", "b", "c"]);
  });
});

for (
  const [where, globals] of [
    ["a waitUntil that throws outside of a request", {
      EdgeRuntime: {
        waitUntil: () => {
          throw new Error("no request");
        },
      },
    }],
    ["a context without a request", { [Symbol.for("@vercel/request-context")]: { get: () => undefined } }],
    ["a context that throws", {
      [Symbol.for("@next/request-context")]: {
        get: () => {
          throw new Error("no");
        },
      },
    }],
  ] as [string, Record<string | symbol, unknown>][]
) {
  test(`${where} costs no event`, async () => {
    await having(globals, async () => {
      const { net, log, use } = writing();
      use("e");
      same(await log.flush(), true);
      same([net.events, net.lost], [["e"], []]);
    });
  });
}

test("a function without waitUntil waits by flush", async () => {
  const { net, log, use } = writing({ gatherMs: 60_000 });
  use("e");
  same(await log.flush(), true);
  same(net.events, ["e"]);
  same(await log.flush(), true, "with nothing to send:");
});

test("withIntegrationLog gives back what it called came to, and logs it", async () => {
  const { net, log } = writing();
  const names = { success: "sendgrid_email_sent", error: "sendgrid_error" };
  const result = { id: 1 };
  holds(
    (await log.withIntegrationLog("sendgrid", names, () => Promise.resolve(result), { source: "s" })) === result,
    "another result",
  );
  holds((await log.withIntegrationLog("sendgrid", names, () => result)) === result, "another result");
  const failure = Object.assign(new Error("Unauthorized"), { code: 401 });
  let thrown: unknown;
  await log.withIntegrationLog("sendgrid", names, () => {
    throw failure;
  }).catch((error: unknown) => (thrown = error));
  holds(thrown === failure, "another error");
  await log.flush();
  same(net.calls[0]!.rows.map((row) => [row.event, row["outcome"], row["error_code"], row["source"]]), [
    ["sendgrid_email_sent", "success", null, "s"],
    ["sendgrid_email_sent", "success", null, null],
    ["sendgrid_error", "error", "401", null],
  ]);
  holds(net.calls[0]!.rows.every((row) => typeof row["latency_ms"] === "number"), "no latency");
});

const OUTCOMES: [string, unknown, string | null][] = [
  ["a fetch that was answered 200", new Response("", { status: 200 }), null],
  ["a fetch that was answered 204", new Response(null, { status: 204 }), null],
  ["a fetch that was answered 401", new Response("", { status: 401 }), "401"],
  ["a fetch that was answered 500", new Response("", { status: 500 }), "500"],
  ["supabase-js without an error", { data: [], error: null, status: 200 }, null],
  ["supabase-js with an error", { data: null, error: { code: "42501", message: "x" }, status: 403 }, "42501"],
  ["supabase-js without a session", { data: null, error: { code: "PGRST301", message: "x" }, status: 401 }, "401"],
  ["supabase-js with an error without a code", { data: null, error: { message: "x" } }, "error"],
  ["supabase-js without a network", { data: null, error: { message: "x", code: "" }, status: 0 }, "network"],
  ["a function's refusal by supabase-js", {
    data: null,
    error: { name: "FunctionsHttpError", context: { status: 401 } },
  }, "401"],
  ["a fetch that came to nothing", Response.error(), "network"],
  ["a number that is no status of HTTP", { status: 1 }, null],
  ["axios", { status: 200, data: {} }, null],
  ["Slack's refusal", { ok: false, error: "invalid_auth" }, "invalid_auth"],
  ["a refusal without a reason", { ok: false }, "failed"],
  ["PayTR's refusal", { status: "failed", reason: "x" }, "failed"],
  ["PayTR's success", { status: "success", token: "x" }, null],
  ["Twilio's message", { sid: "x", status: "queued", errorCode: null }, null],
  ["nothing", undefined, null],
  ["a text", "error", null],
  ["a list", [{ statusCode: 202 }], null],
  [
    "what throws when it is looked at",
    new Proxy({}, {
      get: (_, name) => {
        if (name === "then") return undefined;
        throw new Error("no");
      },
    }),
    null,
  ],
];

for (const [what, result, code] of OUTCOMES) {
  test(`${what} is ${code === null ? "a success" : `an error (${code})`}`, async () => {
    const { net, log } = writing();
    await log.withIntegrationLog("p", { success: "yes", error: "no" }, () => result);
    await log.flush();
    const [row] = net.calls[0]!.rows;
    same(
      [row!.event, row!["outcome"], row!["error_code"]],
      code === null ? ["yes", "success", null] : ["no", "error", code],
    );
  });
}

const THROWN: [unknown, string][] = [
  [Object.assign(new Error("x"), { name: "AbortError", code: 20 }), "timeout"],
  [Object.assign(new Error("x"), { name: "TimeoutError" }), "timeout"],
  [Object.assign(new Error("x"), { response: { status: 503 } }), "503"],
  [Object.assign(new Error("x"), { response: { statusCode: 401 }, code: "ERR_NON_2XX_3XX_RESPONSE" }), "401"],
  [Object.assign(new Error("x"), { context: "a screen", cause: { status: 401 } }), "401"],
  [Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } }), "ECONNREFUSED"],
  [Object.assign(new Error("x"), { status: 429, code: "rate_limited" }), "429"],
  [new TypeError("x"), "TypeError"],
  [new Error("ada@example.com could not be reached"), "error"],
  ["E_FAILED", "E_FAILED"],
  ["ada@example.com could not be reached", "error"],
  [undefined, "undefined"],
];

for (const [thrown, code] of THROWN) {
  test(`what was thrown (${String(thrown)}) is logged as ${code}`, async () => {
    const { net, log } = writing();
    await log.withIntegrationLog("p", { success: "yes", error: "no" }, () => Promise.reject(thrown)).catch(() => {});
    await log.flush();
    same(net.calls[0]!.rows[0]!["error_code"], code);
  });
}

test("withIntegrationLog without names calls all the same", async () => {
  const { net, log } = writing();
  same(await log.withIntegrationLog("p", undefined as never, () => 7), 7);
  await log.flush();
  same(net.lostInAll, { "the call's arguments were not those of an event": 1 });
});

test("secrets and personal data leave in no column", async () => {
  const held = "zq7-hunter-long-value-41";
  const { net, log } = writing({ environ: { PAYTR_MERCHANT_KEY: held, PUBLIC_NAME: "abcdefghijklmnopqrstuvwxyz" } });
  log.logIntegrationEvent({
    provider: "sendgrid",
    event: "sendgrid_error",
    outcome: "error",
    error_code: "bad key SG.aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbb",
    source: "mail to ada@example.com",
    correlation_id: "ada@example.com",
    release: "r1",
    detail: {
      password: "hunter2hunter2",
      note: `sent ${held}`,
      "ada@example.com": 1,
      phone: 5321234567,
      secret_version: 7,
    },
  });
  await log.flush();
  const [row] = net.calls[0]!.rows;
  holds(!/ada@example|hunter|SG\.|5321234567/.test(net.calls[0]!.body), net.calls[0]!.body);
  same(row!["correlation_id"], null);
  same(row!.detail, { password: "[secret]", note: "sent [secret]", "[email]": 1, phone: "[phone]", secret_version: 7 });
});

test("a key of an object that is called __proto__ is a key", async () => {
  const { net, log } = writing();
  log.logIntegrationEvent("p", "e", "success", {
    detail: JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>,
  });
  await log.flush();
  holds(net.calls[0]!.body.includes("polluted"), "the key is lost");
  same(({} as Record<string, unknown>)["polluted"], undefined);
});

const CLIENT = { serviceKey: undefined, anonKey: "anon", accessToken: () => "jwt" };

test("a phone calls the database's function as its user, and says nothing that the database says itself", async () => {
  const { net, log } = writing({
    ...CLIENT,
    accessToken: () => Promise.resolve("users-jwt"),
    source: "app",
    environment: "x",
  });
  log.logIntegrationEvent("mapbox", "mapbox_map_rendered", "success", { source: "screen", synthetic: true });
  same(await log.flush(), true);
  const [{ url, headers, rows: [row], body }] = net.calls as [Call];
  same(url, "https://ref.supabase.co/rest/v1/rpc/integration_events_from_client");
  same([headers["apikey"], headers["authorization"]], ["anon", "Bearer users-jwt"]);
  same(Object.keys(row!), [
    "id",
    "occurred_at",
    "provider",
    "event",
    "outcome",
    "error_code",
    "latency_ms",
    "release",
    "correlation_id",
    "detail",
  ]);
  same(Object.keys(JSON.parse(body) as object), ["events"]);
});

test("a phone's calls stay within what the database takes at once", async () => {
  const { net, log } = writing(CLIENT);
  for (let number = 0; number < 120; number++) {
    log.logIntegrationEvent("mapbox", `e${number}`, "success", { detail: { text: "word ".repeat(number * 10) } });
  }
  same(await log.flush(), true);
  holds(net.calls.every((call) => call.rows.length <= 50 && call.body.length <= 65_536), "a call is too large");
  same(net.events.length, 120);
});

for (
  const [nobody, accessToken] of [
    ["nobody is signed in", () => null],
    ["the session throws", () => {
      throw new Error("no");
    }],
    ["the session rejects", () => Promise.reject(new Error("no"))],
  ] as [string, () => null][]
) {
  test(`while ${nobody}, a phone's events wait, in order`, async () => {
    let token = accessToken as () => string | null | Promise<string | null>;
    const { net, log, use } = writing({ ...CLIENT, accessToken: () => token() });
    use("a");
    same(await log.flush(), false);
    use("b");
    same([net.calls.length, net.lost], [0, []]);
    token = () => "jwt";
    use("c");
    same(await log.flush(), true);
    same(net.events, ["a", "b", "c"]);
  });
}

function listing(keys: string[], options: Partial<Options> = {}): { net: Net; log: IntegrationLog } {
  const net = new Net();
  const { fetch } = net;
  const onLost = (lost: Readonly<Record<string, number>>): void => void net.lost.push({ ...lost });
  const others = { environ: {}, gatherMs: 0, repeatMs: 0, fetch, onLost };
  const who = { url: "https://ref.supabase.co", anonKey: "public", accessToken: () => "jwt" };
  return { net, log: createClientLog({ ...who, ...others, keys, ...options }) };
}

test("a client's log sends what is declared and harmless, and counts what it leaves out", async () => {
  const { net, log } = listing(["zoom", "kind", "tries", "user", "apiToken", "items", "at"]);
  const detail = {
    zoom: 3.25,
    kind: "card_declined",
    tries: [1, "two", 905321234567, "ada@example.com"],
    items: { kind: "a sentence about Ada", other: 1, at: null, zoom: true },
    user: "u1",
    apiToken: 7,
    unknown: 1,
    secret_version: { MAPBOX_TOKEN: "fp:mfrggzdf" },
    deployment_id: "0193b1f2-7a4e-7c3a-9f00-426614174000",
  };
  log.logIntegrationEvent("mapbox", "mapbox_map_rendered", "success", { detail });
  same(await log.flush(), true);
  same(net.calls[0]!.rows[0]!.detail, {
    zoom: 3.25,
    kind: "card_declined",
    tries: [1, "two"],
    items: { at: null, zoom: true },
    secret_version: { MAPBOX_TOKEN: "fp:mfrggzdf" },
    deployment_id: "0193b1f2-7a4e-7c3a-9f00-426614174000",
    left_out: 7,
  });
});

test("a client's log keeps codes, releases and ids, and no text that may be somebody's", async () => {
  const { net, log } = listing([]);
  const ids = [
    "0193b1f2-7a4e-7c3a-9f00-426614174000",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "01HZX3M8Y7Q2V5T9W0K4R6B1NE",
    "ada@example.com",
    "+90 532 123 45 67",
    "05321234567",
    "4111-1111-1111-1111",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
  ];
  const codes = ["PGRST301", "auth/network-request-failed", "AuthSessionMissingError", "no account of Ada", "482913"];
  for (const correlation_id of ids) log.logIntegrationEvent("mapbox", "e", "error", { correlation_id });
  for (const error_code of codes) log.logIntegrationEvent("mapbox", "e", "error", { error_code });
  for (const release of ["app@1.4.0+215", "com.example.app@1.4.0", "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432"]) {
    log.logIntegrationEvent("mapbox", "e", "error", { release });
  }
  log.logIntegrationEvent("SG.Zx81Qw7nR5tYb2Lk9VmP3d", "e", "error");
  same(await log.flush(), false);
  const rows = net.calls.flatMap((call) => call.rows);
  same(rows.slice(0, 8).map((row) => row["correlation_id"]), [...ids.slice(0, 3), null, null, null, null, null]);
  same(rows.slice(8, 13).map((row) => row["error_code"]), [...codes.slice(0, 3), null, null]);
  same(rows.slice(13).map((row) => row["release"]), [
    "app@1.4.0+215",
    "com.example.app@1.4.0",
    "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432",
  ]);
  same(net.lostInAll, { "the call's arguments were not those of an event": 1 });
});

test("a client's log without a user's token sends nothing, and no key but the public one is taken", async () => {
  const { net, log } = listing([], { accessToken: undefined, serviceKey: KEY });
  log.logIntegrationEvent("mapbox", "e", "success");
  same(await log.flush(), false);
  same([net.calls.length, net.lostInAll], [0, {}]);
});

test("rows that the database's function refuses are counted as lost", async () => {
  const { net, log } = listing([]);
  const { fetch } = net;
  const said = { text: () => Promise.resolve('{"stored": 1, "limited": 1, "refused": 2, "repeated": 0}') };
  const told = listing([], {
    fetch: (url, init) => Promise.resolve(fetch(url, init)).then((answer) => ({ ...answer, ...said })),
    onLost: (lost) => void net.lost.push({ ...lost }),
  });
  for (const one of [told.log, log]) {
    for (let number = 0; number < 4; number++) one.logIntegrationEvent("mapbox", "e", "success");
  }
  same([await told.log.flush(), await log.flush()], [false, true]);
  same(net.lostInAll, { "the event log refused the row (400)": 2 });
});

test("a session that has ended keeps a phone's events until the next one", async () => {
  const { net, log, use } = writing(CLIENT);
  net.answers = [401];
  use("a");
  same(await log.flush(), false);
  same(net.lost, []);
  same(await log.flush(), true);
  same(net.calls[0]!.body, net.calls[1]!.body);
});

test("an address of a database, for writers that go there, is passed over", async () => {
  const environ = { RELEASEGUARD_EVENTS_URL: "postgresql://db.example/app", SUPABASE_URL: "https://ref.supabase.co" };
  const { net, log, use } = writing({ url: undefined, environ });
  use("e");
  same(await log.flush(), true);
  same(net.calls[0]!.url.slice(0, 24), "https://ref.supabase.co/");
});

for (
  const [where, globals] of [
    ["in a browser", { document: {} }],
    ["on a phone", { navigator: { product: "ReactNative" } }],
  ] as [string, Record<string, unknown>][]
) {
  test(`a service key is not used ${where}`, async () => {
    await having(globals, async () => {
      const { net, log, use } = writing();
      use("e");
      same(await log.flush(), false);
      same([net.calls.length, net.lostInAll], [0, { "a service key must not be in a browser or on a phone": 1 }]);
    });
  });
}

test("a phone has no crypto, no events of a page and no environment, and its events go out", async () => {
  const bare = {
    crypto: undefined,
    addEventListener: undefined,
    performance: undefined,
    TextEncoder: undefined,
    process: undefined,
    Deno: undefined,
  };
  await having({ ...bare, navigator: { product: "ReactNative" } }, async () => {
    const { net, log, use } = writing({ ...CLIENT, environ: undefined });
    use("a");
    await log.withIntegrationLog("mapbox", { success: "b", error: "c" }, () => 1);
    same(await log.flush(), true);
    same(net.events, ["a", "b"]);
  });
});

for (const leaves of ["pagehide", "visibilitychange"]) {
  test(`a page that goes (${leaves}) sends at once what waits, in requests that outlive it`, async () => {
    const listeners: Record<string, () => void> = {};
    const addEventListener = (name: string, listener: () => void): void => void (listeners[name] = listener);
    await having({ document: {}, addEventListener }, async () => {
      const { net, use } = writing({ ...CLIENT, gatherMs: 60_000 });
      use("a");
      listeners[leaves]!();
      await settled();
      same(net.events, ["a"]);
      same(net.calls[0]!.keepalive, true);
    });
  });
}

test("a page that goes does not wait for the request before", async () => {
  const listeners: Record<string, () => void> = {};
  const addEventListener = (name: string, listener: () => void): void => void (listeners[name] = listener);
  await having({ document: {}, addEventListener }, async () => {
    const { net, use } = writing(CLIENT);
    net.answers = ["hangs"];
    use("a");
    await settled();
    use("b");
    listeners["pagehide"]!();
    await settled();
    same(net.events, ["a", "b"]);
  });
});

test("a page that goes asks nobody for a token who may answer when it is gone", async () => {
  const listeners: Record<string, () => void> = {};
  const globals = {
    document: {},
    addEventListener: (name: string, listener: () => void) => (listeners[name] = listener),
  };
  await having(globals, async () => {
    let session = "first";
    const accessToken = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve(session), 0));
    const { net, log } = listing([], { accessToken });
    log.logIntegrationEvent("mapbox", "a", "success");
    same(await log.flush(), true);
    session = "second";
    log.logIntegrationEvent("mapbox", "b", "success");
    listeners["pagehide"]!();
    same(net.calls.map((call) => call.headers["authorization"]), ["Bearer first", "Bearer first"]);
    log.logIntegrationEvent("mapbox", "c", "success");
    same(await log.flush(), true);
    same(net.calls.map((call) => call.headers["authorization"])[2], "Bearer second");
  });
});

test("a page that goes sends all that waits, not only a first batch", async () => {
  const page: Record<string, () => void> = {};
  const addEventListener = (name: string, listener: () => void): void => void (page[name] = listener);
  await having({ document: {}, addEventListener }, async () => {
    const { net, use } = writing({ ...CLIENT, gatherMs: 60_000 });
    net.answers = ["hangs", "hangs", "hangs"];
    for (let number = 0; number < 120; number++) use(`e${number}`);
    page["pagehide"]!();
    await settled();
    same(net.events, Array.from({ length: 120 }, (_, number) => `e${number}`));
  });
});

test("a page that goes while nobody is signed in keeps the order of what waits", async () => {
  const page: Record<string, () => void> = {};
  const addEventListener = (name: string, listener: () => void): void => void (page[name] = listener);
  await having({ document: {}, addEventListener }, async () => {
    let token: string | null = null;
    const { net, log, use } = writing({ ...CLIENT, accessToken: () => token });
    const names = Array.from({ length: 120 }, (_, number) => `e${number}`);
    names.forEach(use);
    page["visibilitychange"]!();
    await settled();
    token = "jwt";
    same(await log.flush(), true);
    same(net.events, names);
  });
});

test("requests that outlive a page have no more than 64 KB between them, in bytes: a browser refuses the rest", async () => {
  await having({ document: {} }, async () => {
    const { net, log, use } = writing(CLIENT);
    const hanging = gate();
    net.answers = [hanging.answer];
    const said = (text: string): void =>
      log.logIntegrationEvent("mapbox", "e", "success", { detail: { a: text.repeat(990), b: text.repeat(990) } });
    for (let number = 0; number < 9; number++) said(number < 3 ? "ş " : "語 ");
    await settled();
    const other = writing(CLIENT);
    other.use("small");
    for (let number = 0; number < 9; number++) {
      other.log.logIntegrationEvent("mapbox", "e", "success", { detail: { a: "word ".repeat(790) } });
    }
    await other.log.flush();
    const bytes = (call: Call): number => new TextEncoder().encode(call.body).length;
    const outliving = [...net.calls, ...other.net.calls].filter((call) => call.keepalive);
    holds(outliving.length >= 1, "none outlives the page");
    holds(outliving.reduce((sum, call) => sum + bytes(call), 0) <= 65_536, "more than a browser allows");
    hanging.open();
    use("after");
    await log.flush();
    same(net.calls.at(-1)!.keepalive, true, "what has ended leaves room:");
  });
});

test("an app that logs every use of fetch does not log deliveries for ever", async () => {
  const { net, log, use } = writing({
    fetch: (url, init) =>
      log.withIntegrationLog(
        "supabase",
        { success: "supabase_rpc_ok", error: "supabase_error" },
        () => net.fetch(url, init),
      ),
  });
  use("e");
  for (let turn = 0; turn < 3; turn++) await log.flush();
  same(net.events, ["e"]);
});

test("where there are no timers yet a call throws nothing, and what waits goes with the next event", async () => {
  const { net, log, use } = writing();
  const none = (): never => {
    throw new Error("Disallowed operation called within global scope");
  };
  await having({ setTimeout: none }, async () => {
    use("a");
    log.logIntegrationEvent("", "", "success");
    same(await log.flush(), false);
  });
  use("b");
  await log.flush();
  same(net.events.filter((event) => event.length === 1), ["a", "b"]);
});

test("ids are new, without crypto too", async () => {
  await having({ crypto: undefined }, async () => {
    const { net, log, use } = writing();
    for (let number = 0; number < 500; number++) use("e");
    await log.flush();
    same(new Set(net.calls.flatMap((call) => call.rows.map((row) => row.id))).size, 500);
  });
});

test("the writer of the module takes its log from the environment, and none is no trouble", async () => {
  const warn = console.warn;
  const said: string[] = [];
  console.warn = (...words: unknown[]) => void said.push(words.join(" "));
  try {
    logIntegrationEvent("sendgrid", "sendgrid_email_sent", "success");
    same(await flush(), false);
  } finally {
    console.warn = warn;
  }
  same(said, ["integration events lost (1): no event log is configured"]);
});

const HOSTILE = [
  "a=",
  "a ",
  "1 ",
  "1-",
  "1.",
  "+90 ",
  "(1",
  "://a:",
  "a@",
  "a.a@",
  "-----BEGIN A ",
  "eyJa.",
  "x=y&",
  "key: ",
  "[[",
  "%20",
  "%3D",
  "Sayın A ",
  "code 1 ",
  "SG.",
  "9".repeat(16),
  "TR00 ",
  "'\"",
  "a_",
  "-",
  "\u200b1",
  "ş",
  "0:",
  "1.1.1.",
  "{{",
  "pin:1 ",
  "::",
];

test("no text makes the scrubber hang: its work grows with the text and no faster", () => {
  const scrubber = new Scrubber();
  for (const piece of HOSTILE) {
    for (const end of ["", "!", "@", "=", "\n"]) scrubber.text(piece.repeat(4_000 / piece.length) + end);
  }
});

test("what was scrubbed is scrubbed: a second time changes nothing", () => {
  const scrubber = new Scrubber();
  for (const piece of HOSTILE) {
    const once = scrubber.text(`${piece}ada@example.com key=${piece.repeat(9)}1234567890`);
    same(scrubber.text(once), once);
  }
});

interface Host {
  process?: { on?(name: string, listener: (error: unknown) => void): void; exit(code: number): never };
  addEventListener?(name: string, listener: (event: { preventDefault(): void; reason: unknown }) => void): void;
}

async function main(): Promise<void> {
  const host = globalThis as unknown as Host;
  const unhandled: unknown[] = [];
  host.process?.on?.("unhandledRejection", (error) => void unhandled.push(error));
  let failed = 0;
  for (const [name, body] of tests) {
    try {
      await body();
      await settled();
      if (unhandled.length) throw new Error(`an unhandled rejection: ${String(unhandled.splice(0)[0])}`);
      console.log(`ok ${name}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  console.log(`${tests.length} tests, ${failed} failed`);
  host.process?.exit(failed ? 1 : 0);
}

await main();
