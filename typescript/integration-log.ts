/**
 * Writes an app's integration events from TypeScript: Deno, Node 20+, Bun, browsers, React Native. No dependency.
 *
 * A call copies its arguments and returns. It never throws and makes nobody wait: what was logged is scrubbed, sent in
 * batches and in order, and once more where the first try failed; `waitUntil` keeps a function alive for it where there
 * is one. What finds no room or no way is counted and said. `docs/writing-events.md` has what holds where.
 *
 * Servers write with a service key; phones and browsers, which hold none, call the function
 * `integration_events_from_client` of the event log's schema as the user who is signed in.
 */

/** What a provider's use came to. */
export type Outcome = "success" | "error";

/** What may be said of an event besides provider, event and outcome: the columns of `integration_events`. */
export interface EventFields {
  /** `401`, `timeout`, `rls_denied`. */
  error_code?: string | number | null;
  /** Milliseconds. */
  latency_ms?: number | null;
  /** The release that speaks; by default the one of the process. */
  release?: string | null;
  /** The function or service that speaks. */
  source?: string | null;
  /** Ties the events of one user action. */
  correlation_id?: string | null;
  /** Written on behalf of a test user. */
  synthetic?: boolean;
  /** Anything; `secret_version` where it is known. */
  detail?: Readonly<Record<string, unknown>> | null;
}

/** A real use of a provider. */
export interface IntegrationEvent extends EventFields {
  provider: string;
  event: string;
  outcome: Outcome;
}

/** The names under which a call is logged. */
export interface EventNames {
  success: string;
  error: string;
}

type Environ = Readonly<Record<string, string | undefined>>;
type Work = Promise<unknown>;

/** The part of `fetch` that is used. */
export type Fetch = (
  url: string,
  init: {
    method: string;
    headers: Record<string, string>;
    body: string;
    redirect: "manual";
    signal: AbortSignal;
    keepalive: boolean;
  },
) => PromiseLike<{ status: number; headers: { get(name: string): string | null }; text?(): PromiseLike<unknown> }>;

/** Where to, as whom, and how much. Everything has a default; servers need nothing but their environment. */
export interface Options {
  /** The project's address; else `RELEASEGUARD_EVENTS_URL`, `SUPABASE_URL`, `NEXT_PUBLIC_SUPABASE_URL`. */
  url?: string;
  /** Servers: else `SUPABASE_SERVICE_ROLE_KEY`. Refused in a browser and on a phone. */
  serviceKey?: string;
  /** Phones and browsers: the project's public key, together with `accessToken`. */
  anonKey?: string;
  /** Phones and browsers: the access token of the user who is signed in, `null` where nobody is. */
  accessToken?: () => string | null | undefined | PromiseLike<string | null | undefined>;
  /** The event log's table, or the view of the app's own (`integration_health_events_mapped`). */
  table?: string;
  /** Else `RELEASEGUARD_ENVIRONMENT`, `VERCEL_TARGET_ENV`, `VERCEL_ENV`, `production`. A database's function says it itself. */
  environment?: string;
  /** Else `RELEASEGUARD_RELEASE`, `SENTRY_RELEASE`, `VERCEL_GIT_COMMIT_SHA` and their like. */
  release?: string;
  /** Else `RELEASEGUARD_DEPLOYMENT_ID`, `VERCEL_DEPLOYMENT_ID`. Stands in `detail.deployment_id`. */
  deploymentId?: string;
  /** The `source` of events that name none. */
  source?: string;
  /** Instead of the runtime's. */
  fetch?: Fetch;
  /** Keeps a function alive until its events are sent; else `EdgeRuntime.waitUntil`, or the request's at Vercel. */
  waitUntil?: (work: Work) => void;
  /** The process's environment, instead of the runtime's. */
  environ?: Environ;
  /** Told how many events were lost and why, at most once a minute; else `console.warn`. */
  onLost?: (lost: Readonly<Record<string, number>>) => void;
  /** Milliseconds for which events are gathered. */
  gatherMs?: number;
  /** Milliseconds for one request. */
  requestMs?: number;
  /** Milliseconds before the one repeat. */
  repeatMs?: number;
  /** Events that wait at most; what comes then is counted as lost. */
  maxEvents?: number;
  /** Characters of all events that wait. */
  maxCharacters?: number;
}

/** A writer of its own. None of its functions ever throws, or rejects for a reason of its own. */
export interface IntegrationLog {
  logIntegrationEvent(event: IntegrationEvent): void;
  logIntegrationEvent(provider: string, event: string, outcome: Outcome, fields?: EventFields): void;
  withIntegrationLog<T>(
    provider: string,
    events: EventNames,
    call: () => T | PromiseLike<T>,
    fields?: EventFields,
  ): Promise<Awaited<T>>;
  flush(timeoutMs?: number): Promise<boolean>;
}

const GATHER_MS = 200;
const REQUEST_MS = 5_000;
const REPEAT_MS = 500;
const LONGEST_REPEAT_MS = 5_000;
const REPORT_MS = 60_000;
const MAX_EVENTS = 1_000;
const MAX_CHARACTERS = 2_000_000;
const BATCH = 100;
/** Events and characters that a database's function takes at once; browsers let 64 KB outlive a page. */
const CLIENT_BATCH = 50;
const CLIENT_CHARACTERS = 48_000;
/** Requests that finding a refused row among a batch's may cost. */
const MOST_REQUESTS = 30;
const MAX_NAME = 200;

const ENVIRONMENTS = [
  "RELEASEGUARD_ENVIRONMENT",
  "VERCEL_TARGET_ENV",
  "VERCEL_ENV",
];
const RELEASES = [
  "RELEASEGUARD_RELEASE",
  "SENTRY_RELEASE",
  "VERCEL_GIT_COMMIT_SHA",
  "GITHUB_SHA",
  "RENDER_GIT_COMMIT",
  "RAILWAY_GIT_COMMIT_SHA",
  "HEROKU_SLUG_COMMIT",
  "COMMIT_SHA",
];
const DEPLOYMENTS = [
  "RELEASEGUARD_DEPLOYMENT_ID",
  "VERCEL_DEPLOYMENT_ID",
];
const URLS = [
  "RELEASEGUARD_EVENTS_URL",
  "SUPABASE_URL",
  "NEXT_PUBLIC_SUPABASE_URL",
];

/** The provider and the events of releaseguard's own rows, which an app does not write; in the order that packs best. */
const OURSELVES = "releaseguard";
const DROPPED = "events_dropped";
const OUR_EVENTS = /* @__PURE__ */ words(
  "release_check rotation_lease_released rotation_lease_renewed rotation_proven rotation_planned " +
    "rotation_staged destination_push_started destination_push_failed rotation_failed rotation_pushed " +
    "destination_push_finished deployment_failed rotation_deployed rotation_destinations_skipped " +
    "rotation_console_confirmed rotation_continued notification_failed rotation_waiting_console flow_started " +
    "release_verified leak_reported release_deployed rotation_unproven rotation_rolling_back rotation_lease_taken " +
    "rotation_rolled_back chain_rows_disowned rotation_stored_in_vault signing_began events_dropped gate_measured " +
    "leak_withdrawn rotation_retired leak_exposure notification_sent rotation_waiting_approval flow_step " +
    "flow_finished deployment_requested deployment_ready deployment_created release_outcome flow_cleaned " +
    "rotation_aborted release_accepted",
);

interface Row {
  id: string;
  occurred_at: string;
  provider: string;
  event: string;
  outcome: Outcome;
  error_code: string | null;
  latency_ms: number | null;
  environment?: string;
  release: string | null;
  source?: string | null;
  correlation_id: string | null;
  synthetic?: boolean;
  detail: Record<string, Json>;
}

/** A call's arguments, bounded, and nothing more done to them: what else they need is done when they are sent. */
interface Note {
  /** Once it was made, an event that is sent twice is one row. */
  id?: string;
  /** Among all that were logged. */
  place: number;
  at: number;
  provider: string | null;
  event: string | null;
  outcome: string;
  error_code: string | null;
  release: string | null;
  source: string | null;
  correlation_id: string | null;
  latency_ms: number | null;
  synthetic: boolean;
  detail: Json;
  characters: number;
}

class NoEvent extends Error {}

const NO_EVENT = "the call's arguments were not those of an event";

let noted = 0;

function noteOf(provider: unknown, event: unknown, outcome: unknown, said: EventFields): Note {
  const budget = { nodes: MAX_NODES, characters: MAX_RAW * 2 };
  const note: Note = {
    place: ++noted,
    at: Date.now(),
    provider: typeof provider === "string" ? held(provider, MAX_NAME) : null,
    event: typeof event === "string" ? held(event, MAX_NAME) : null,
    outcome: textOf(outcome),
    error_code: held(said.error_code, MAX_RAW),
    release: held(said.release, MAX_RAW),
    source: held(said.source, MAX_RAW),
    correlation_id: held(said.correlation_id, MAX_RAW),
    latency_ms: milliseconds(said.latency_ms),
    synthetic: Boolean(said.synthetic),
    detail: plain(said.detail ?? {}, MAX_DEPTH, budget),
    characters: 400, // the row itself, small as it may be
  };
  const { error_code, release, source, correlation_id } = note;
  const texts = sizeOf(error_code) + sizeOf(release) + sizeOf(source) + sizeOf(correlation_id);
  note.characters += texts + MAX_RAW * 2 - budget.characters + 8 * (MAX_NODES - budget.nodes);
  return note;
}

/** A text that nobody can change; one that is too long is cut at once, so that the rest of it is not kept. */
function held(value: unknown, limit: number): string | null {
  if (value === null || value === undefined) return null;
  const text = textOf(value);
  return text.length > limit ? storable(text, limit) : text;
}

/** Lists are not read to their end: written out, one with holes has commas for hours. */
function textOf(value: unknown): string {
  return Array.isArray(value) || ArrayBuffer.isView(value) ? "[list]" : String(value);
}

function sizeOf(text: string | null): number {
  return text === null ? 0 : text.length;
}

/** What every store can hold of it; `null` where that is nothing. */
function kept(text: string | null): string | null {
  return text === null ? null : storable(text, MAX_RAW).trim() || null;
}

/** Who was used, how, and what it came to: no event without all three, and none that only releaseguard writes. */
function usedIn(note: Note, refused: ReadonlySet<string>): { provider: string; event: string; outcome: Outcome } {
  const [provider, event] = [kept(note.provider), kept(note.event)];
  const outcome = note.outcome.trim().toLowerCase();
  if (!provider || !event || (outcome !== "success" && outcome !== "error")) throw new NoEvent(NO_EVENT);
  if (provider.toLowerCase() === OURSELVES || refused.has(event.toLowerCase())) {
    throw new NoEvent("provider or event is a name of releaseguard's own rows");
  }
  return { provider, event, outcome };
}

function milliseconds(value: unknown): number | null {
  if (typeof value !== "number" || !(value >= 0 && value < 2 ** 31 - 1)) return null;
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 ? near - 1 : near; // a half goes to the even one, as in Python
}

function objectOf(value: Json): Record<string, Json> {
  return isObject(value) ? value : { value };
}

let pool: string[] = [];

/** A UUIDv7 (RFC 9562, section 5.7): made here, so that an event that is sent twice is one row. */
function newId(at: number): string {
  if (pool.length < 5) {
    pool = Array.from(randomNumbers(new Uint16Array(640)), (number) => (number | 65536).toString(16).slice(1));
  }
  const [one, two, three, four, five] = pool.splice(-5) as [string, string, string, string, string];
  const time = at.toString(16).padStart(12, "0");
  const variant = "89ab"[parseInt(one[0]!, 16) & 3];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${one.slice(1)}-${variant}${two.slice(1)}-${three}${four}${five}`;
}

/** React Native has no `crypto` of its own; an id has to be new, not secret. */
function randomNumbers(numbers: Uint16Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  return attempted(() => crypto.getRandomValues(numbers)) ?? numbers.map(() => Math.random() * 65536);
}

interface Ambient {
  EdgeRuntime?: { waitUntil?: (work: Work) => void };
  document?: unknown;
  navigator?: { product?: string };
  process?: { env?: Environ };
  Deno?: { env?: { toObject(): Environ }; permissions?: { querySync(of: { name: string }): { state: string } } };
  addEventListener?: (name: string, listener: () => void, options: { once: boolean }) => void;
  [context: symbol]: { get?: () => { waitUntil?: (work: Work) => void } | undefined } | undefined;
}

const ambient = globalThis as unknown as Ambient;

/** Browsers, their workers aside, and React Native: whoever uses them can read everything in them. */
function isClient(): boolean {
  return ambient.document !== undefined || ambient.navigator?.product === "ReactNative";
}

function environOf(): Environ {
  return attempted<Environ>(() => {
    // Deno would ask the person at the terminal, or throw.
    const state = ambient.Deno?.permissions?.querySync({ name: "env" }).state ?? "granted";
    return state !== "granted" ? {} : (ambient.Deno?.env?.toObject() ?? ambient.process?.env ?? {});
  }, {});
}

/** What keeps this request's function alive. The contexts are those that `@vercel/functions` and Next.js look at. */
function keeperOf(): { waitUntil?: (work: Work) => void } | undefined {
  for (const context of ["@next/request-context", "@vercel/request-context"]) {
    const found = ambient[Symbol.for(context)]?.get?.();
    if (found?.waitUntil) return found;
  }
  return ambient.EdgeRuntime;
}

function first(environ: Environ, names: readonly string[]): string | undefined {
  const found = names.map((one) => environ[one]?.trim()).find(Boolean);
  return found && storable(found, MAX_NAME);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** `undefined` where there are no timers: outside of a request, workers at Cloudflare throw. */
function alarm(ms: number, ring: () => void): ReturnType<typeof setTimeout> | undefined {
  return attempted(() => setTimeout(ring, ms));
}

/** What `work` comes to; `undefined` after so many milliseconds. */
function within<T>(work: PromiseLike<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => (timer = alarm(ms, () => resolve(undefined))));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Events that were lost, by reason, since it was last told, which is at most once a minute. */
class Losses {
  #since: Record<string, number> = {};
  #told = -Infinity;
  total = 0;

  add(reason: string, number: number): void {
    this.total += number;
    this.#since[reason] = (this.#since[reason] ?? 0) + number;
  }

  /** What is to be told now, if anything is. */
  taken(): Record<string, number> | undefined {
    if (!Object.keys(this.#since).length || now() - this.#told < REPORT_MS) return undefined;
    const since = this.#since;
    [this.#told, this.#since] = [now(), {}];
    return since;
  }
}

/** Whose events are lost, and why, as a row of the log like that of the writer for Python. */
function lossRow(lost: Record<string, number>, environment: string): Row {
  const at = Date.now();
  const dropped = Object.values(lost).reduce((sum, number) => sum + number, 0);
  return {
    id: newId(at),
    occurred_at: new Date(at).toISOString(),
    provider: OURSELVES,
    event: DROPPED,
    outcome: "error",
    error_code: DROPPED,
    latency_ms: null,
    environment,
    release: null,
    source: "writer",
    correlation_id: null,
    synthetic: false,
    detail: { dropped, reasons: lost },
  };
}

/** Why nothing can be sent at all: the words for the count of what is lost. */
const NOWHERE = "no event log is configured";
const INSECURE = "the event log's address is not https";
const KEY_IN_CLIENT = "a service key must not be in a browser or on a phone";

/** What a request came to: a status, 0 where there was no answer; how long a repeat is to wait; rows that were refused. */
interface Answer {
  status: number;
  waitMs: number;
  refused: number;
}

/** Bytes of requests that are to outlive a page and have not ended: browsers refuse what goes beyond 64 KB in all. */
let outliving = 0;
const MOST_OUTLIVING = 60_000;

/** While a page goes: what is asked of the app then may be answered when the page is gone. */
let leaving = false;

/** While `fetch` is being called: where the app logs every use of it, a delivery is not to log the next one for ever. */
let delivering = false;

/** The event log as the network shows it. */
class Store {
  readonly problem: string | undefined;
  readonly byFunction: boolean;
  readonly #options: Options;
  readonly #address: string;
  readonly #prefer: string;
  readonly #key: string | undefined;
  /** The user's token that was sent last. */
  #newest: string | null | undefined;

  constructor(options: Options, environ: Environ) {
    this.#options = options;
    // RELEASEGUARD_EVENTS_URL may be a database's, for those who write there.
    const known = URLS.map((name) => first(environ, [name])).find((one) => one?.startsWith("http"));
    const url = (options.url ?? known ?? "").replace(/\/+$/, "");
    const table = options.table ?? "integration_events";
    // A view of the app's own table has no key to name; what is there already its trigger leaves out.
    const isView = table.endsWith("_mapped");
    this.byFunction = options.accessToken !== undefined;
    this.#key = this.byFunction ? options.anonKey : options.serviceKey ?? environ["SUPABASE_SERVICE_ROLE_KEY"];
    const path = this.byFunction
      ? `rpc/${encodeURIComponent(table)}_from_client`
      : encodeURIComponent(table) + (isView ? "" : "?on_conflict=id");
    this.#address = `${url}/rest/v1/${path}`;
    const stored = isView ? "" : "resolution=ignore-duplicates,";
    this.#prefer = this.byFunction ? "return=representation" : `${stored}return=minimal`;
    this.problem = this.#problemOf(url);
  }

  #problemOf(url: string): string | undefined {
    if (!this.byFunction && this.#key && isClient()) return KEY_IN_CLIENT;
    if (!url || !this.#key) return NOWHERE;
    return /^(?:https:\/\/|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:\/|$))/.test(url)
      ? undefined
      : INSECURE;
  }

  /** `undefined` where nobody is signed in. */
  async write(rows: readonly Row[]): Promise<Answer | undefined> {
    const bearer = this.byFunction ? (leaving && this.#newest) || (this.#newest = await this.#token()) : this.#key;
    if (!bearer) return undefined;
    const answer = await this.#post(JSON.stringify(this.byFunction ? { events: rows } : rows), bearer);
    return this.byFunction && answer.status === 401 ? undefined : answer; // a session that has just ended
  }

  async #token(): Promise<string | null | undefined> {
    try {
      return await within(Promise.resolve(this.#options.accessToken!()), this.#options.requestMs ?? REQUEST_MS);
    } catch {
      return null;
    }
  }

  async #post(body: string, bearer: string): Promise<Answer> {
    const ends = new AbortController();
    // React Native's engine had no TextEncoder for long.
    const bytes = isClient() ? attempted(() => utf8(body).length, body.length * 3) : Infinity;
    const keepalive = outliving + bytes <= MOST_OUTLIVING;
    const init: Parameters<Fetch>[1] = {
      method: "POST",
      headers: {
        apikey: this.#key!,
        authorization: `Bearer ${bearer}`,
        "content-type": "application/json",
        prefer: this.#prefer,
      },
      body,
      signal: ends.signal,
      redirect: "manual", // the key is for this address and no other
      keepalive,
    };
    const held = keepalive ? bytes : 0;
    outliving += held;
    const found = await within(this.#answer(init), this.#options.requestMs ?? REQUEST_MS);
    outliving -= held;
    if (!found) ends.abort();
    return found ?? UNANSWERED;
  }

  /** Never rejects. */
  #answer(init: Parameters<Fetch>[1]): Promise<Answer> {
    try {
      delivering = true;
      const asked = (this.#options.fetch ?? (globalThis.fetch as unknown as Fetch))(this.#address, init);
      return Promise.resolve(asked).then((answer) => answered(answer, this.byFunction)).catch(() => UNANSWERED);
    } catch {
      return Promise.resolve(UNANSWERED); // a fetch that throws instead of rejecting
    } finally {
      delivering = false;
    }
  }
}

const UNANSWERED: Answer = { status: 0, waitMs: 0, refused: 0 };

/** `counts`: the answer says what became of the rows (`integration_events_from_client`), and is waited for. */
async function answered(answer: Awaited<ReturnType<Fetch>>, counts: boolean): Promise<Answer> {
  const seconds = Number(answer.headers.get("retry-after"));
  // Read to its end, a connection serves the next request.
  const said = Promise.resolve(answer.text?.()).catch(() => {});
  const refused = counts ? Number(/"refused": ?(\d+)/.exec(String(await said))?.[1] ?? 0) : 0;
  return { status: answer.status, waitMs: seconds > 0 ? Math.min(seconds * 1000, LONGEST_REPEAT_MS) : 0, refused };
}

function reasonIn(error: unknown): string {
  return error instanceof NoEvent ? error.message : "the writer failed";
}

function mayPass(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/** A table's refusal, or a request that is too large. What says no to every row blames none. */
function mayBeOneRowsFault(status: number): boolean {
  return status >= 400 && status < 500 && ![401, 403, 404, 408, 429].includes(status);
}

function reasonOf(status: number): string {
  if (status === 0) return "the event log did not answer";
  if (mayPass(status)) return "the event log is away";
  if (status === 404) return "the event log has no such table or function: run events migrate (404)";
  return `the event log refused the ${status === 401 || status === 403 ? "key" : "row"} (${status})`;
}

/** What keeps secrets and personal data out of a row. `null`: a text that is not to leave. */
interface Masking {
  text(text: string): string | null;
  /** Of providers, events, releases and ids. */
  identifier(text: string): string | null;
  json(value: Json): Json;
}

/** What is read once, before the first event leaves. */
interface Prepared {
  store: Store;
  masking: Masking;
  environment: string;
  release: string | undefined;
  deployment: string | undefined;
}

class Writer implements IntegrationLog {
  #queue: Note[] = [];
  #characters = 0;
  /** The delivery that will take what waits now. */
  #next: Promise<void> | undefined;
  /** The newest delivery: each begins when the one before has ended, so that the order stays. */
  #last: Promise<void> = Promise.resolve();
  #begin = (): void => {};
  #keeper: object | undefined;
  #kept: Work | undefined;
  #listens = false;
  #prepared: Prepared | undefined;
  readonly #options: Options;
  /** What the app is told, and what a row tells. */
  readonly #losses = [new Losses(), new Losses()] as const;

  readonly #masking: (environ: Environ) => Masking;
  /** The names of events that are not the app's to write. */
  readonly #refused: ReadonlySet<string>;

  constructor(options: Options, masking: (environ: Environ) => Masking, refused: ReadonlySet<string>) {
    this.#options = options;
    this.#masking = masking;
    this.#refused = refused;
  }

  logIntegrationEvent = (
    first: IntegrationEvent | string,
    event?: string,
    outcome?: Outcome,
    fields?: EventFields,
  ): void => {
    try {
      this.#put(
        typeof first === "string"
          ? noteOf(first, event, outcome, fields ?? {})
          : noteOf(first.provider, first.event, first.outcome, first),
      );
    } catch (error) {
      this.#lose(reasonIn(error), 1);
    }
  };

  withIntegrationLog = async <T>(
    provider: string,
    events: EventNames,
    call: () => T | PromiseLike<T>,
    fields?: EventFields,
  ): Promise<Awaited<T>> => {
    if (delivering) return await call();
    const started = now();
    const log = (failed: Failure | undefined): void => {
      try {
        const event = failed ? events.error : events.success;
        const said = { ...fields, error_code: failed ? failed.code : fields?.error_code, latency_ms: now() - started };
        this.logIntegrationEvent(provider, event, failed ? "error" : "success", said);
      } catch {
        this.#lose(NO_EVENT, 1);
      }
    };
    try {
      const result = await call();
      log(failureIn(result));
      return result;
    } catch (error) {
      log({ code: codeOf(error) });
      throw error;
    }
  };

  flush = async (timeoutMs = 5_000): Promise<boolean> => {
    const lost = this.#losses[0].total;
    if (this.#queue.length) this.#schedule();
    this.#begin();
    const ended = await within(this.#last.then(() => true), timeoutMs);
    return ended === true && this.#losses[0].total === lost && !this.#queue.length;
  };

  #put(note: Note): void {
    const full = this.#queue.length >= (this.#options.maxEvents ?? MAX_EVENTS);
    if (full || this.#characters + note.characters > (this.#options.maxCharacters ?? MAX_CHARACTERS)) {
      throw new NoEvent("the queue is full");
    }
    this.#queue.push(note);
    this.#characters += note.characters;
    this.#schedule();
    if (this.#next) this.#keepAlive(this.#next);
    if (!this.#listens) this.#listen();
  }

  /** Every request waits for what holds its own events; the same is said to nobody twice in a row. */
  #keepAlive(work: Work): void {
    attempted(() => {
      if (this.#options.waitUntil) return this.#options.waitUntil(work);
      const keeper = keeperOf();
      if (keeper === this.#keeper && work === this.#kept) return;
      [this.#keeper, this.#kept] = [keeper, work];
      keeper?.waitUntil?.(work);
    }); // outside of a request the timer goes on without it
  }

  /** A page or a function that goes: what waits is sent at once, without waiting for what is on its way. */
  #listen(): void {
    this.#listens = true;
    const leave = (): void => {
      leaving = true;
      do void this.#deliver(); while (this.#queue.length);
      leaving = false;
    };
    const page = ambient.document !== undefined;
    for (const event of page ? ["pagehide", "visibilitychange"] : ["beforeunload"]) {
      // Deno asks again whenever a listener has found something to do: events that cannot leave must not hold its end.
      attempted(() => ambient.addEventListener?.(event, leave, { once: !page })); // it may have the function alone
    }
  }

  #schedule(): void {
    if (this.#next) return;
    const before = this.#last;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const gathered = new Promise<void>((resolve) => {
      timer = alarm(this.#options.gatherMs ?? GATHER_MS, resolve);
      this.#begin = () => (clearTimeout(timer), resolve());
    });
    if (timer === undefined) return; // what waits goes with the next event
    const deliver = (): Promise<void> => ((this.#next = undefined), this.#deliver());
    this.#next = this.#last = gathered.then(() => before).then(deliver);
  }

  /** Never rejects: whoever is given it, `waitUntil` for one, does not look. */
  async #deliver(): Promise<void> {
    try {
      let left = this.#queue.length;
      do {
        const notes = this.#take();
        left -= notes.length;
        if (!(await this.#send(notes))) break;
      } while (left > 0 && this.#queue.length);
    } catch {
      this.#count("the writer failed", 1);
    }
    const lost = this.#losses[0].taken();
    if (lost) attempted(() => (this.#options.onLost ?? said)(lost)); // the app's own
  }

  /** Count it, and see to it that it is said. */
  #lose(reason: string, number: number): void {
    this.#count(reason, number);
    this.#schedule();
  }

  #count(reason: string, number: number): void {
    if (!number) return;
    for (const losses of this.#losses) losses.add(reason, number);
  }

  #take(): Note[] {
    const byFunction = this.#options.accessToken !== undefined;
    const most = byFunction ? CLIENT_CHARACTERS : MAX_CHARACTERS;
    let characters = 0;
    let count = 0;
    while (count < Math.min(this.#queue.length, byFunction ? CLIENT_BATCH : BATCH)) {
      if (count && characters + this.#queue[count]!.characters > most) break;
      characters += this.#queue[count++]!.characters;
    }
    this.#characters -= characters;
    return this.#queue.splice(0, count);
  }

  /** Whether to go on: not while nobody is signed in, whose events wait. */
  async #send(notes: Note[]): Promise<boolean> {
    const { store, environment } = this.#ready();
    if (store.problem) return this.#count(store.problem, notes.length), true;
    const rows = notes.flatMap((note) => this.#row(note) ?? []);
    const lost = store.byFunction ? undefined : this.#losses[1].taken();
    if (lost) rows.push(lossRow(lost, environment));
    if (await this.#write(rows, { requests: MOST_REQUESTS })) return true;
    // What a page that goes sends side by side comes back side by side.
    this.#queue = [...notes, ...this.#queue].sort((one, other) => one.place - other.place);
    this.#characters += notes.reduce((sum, note) => sum + note.characters, 0);
    return false;
  }

  async #write(rows: Row[], left: { requests: number }): Promise<boolean> {
    if (!rows.length) return true;
    let answer = await this.#request(rows, left);
    if (answer && mayPass(answer.status)) {
      await pause(answer.waitMs || (this.#options.repeatMs ?? REPEAT_MS));
      answer = await this.#request(rows, left);
    }
    if (!answer) return false;
    if (answer.status >= 200 && answer.status < 300) return this.#count(reasonOf(400), answer.refused), true;
    if (rows.length > 1 && left.requests > 0 && mayBeOneRowsFault(answer.status)) {
      const half = rows.length >> 1;
      return (await this.#write(rows.slice(0, half), left)) && this.#write(rows.slice(half), left);
    }
    this.#count(reasonOf(answer.status), rows.length);
    return true;
  }

  #request(rows: Row[], left: { requests: number }): ReturnType<Store["write"]> {
    left.requests--;
    return this.#ready().store.write(rows);
  }

  #row(note: Note): Row | undefined {
    try {
      return this.#scrubbed(note);
    } catch (error) {
      this.#count(reasonIn(error), 1); // nothing leaves that was not scrubbed
      return undefined;
    }
  }

  #scrubbed(note: Note): Row {
    const { store, masking, environment, release, deployment } = this.#ready();
    const used = usedIn(note, this.#refused);
    const [provider, event] = [masking.identifier(used.provider), masking.identifier(used.event)];
    if (!provider || !event) throw new NoEvent(NO_EVENT);
    const correlation_id = kept(note.correlation_id);
    const detail = objectOf(masking.json(objectOf(note.detail)));
    if (deployment && !("deployment_id" in detail)) detail["deployment_id"] = deployment;
    const short = (text: string | null | undefined, of: "text" | "identifier"): string | null =>
      (text && cut(masking[of](text) ?? "", MAX_NAME)) || null;
    const row: Row = {
      id: note.id ??= newId(note.at),
      occurred_at: new Date(note.at).toISOString(),
      provider: cut(provider, MAX_NAME),
      event: cut(event, MAX_NAME),
      outcome: used.outcome,
      error_code: short(kept(note.error_code), "text"),
      latency_ms: note.latency_ms,
      release: short(kept(note.release) ?? release, "identifier"),
      // An id that had to be masked would tie strangers' events together: better none.
      correlation_id: correlation_id && masking.identifier(correlation_id) === correlation_id
        ? cut(correlation_id, MAX_NAME)
        : null,
      detail,
    };
    if (store.byFunction) return row;
    return {
      ...row,
      environment,
      source: short(kept(note.source) ?? this.#options.source, "text"),
      synthetic: note.synthetic,
    };
  }

  #ready(): Prepared {
    return (this.#prepared ??= this.#prepare());
  }

  #prepare(): Prepared {
    const environ = this.#options.environ ?? environOf();
    const { environment, release, deploymentId } = this.#options;
    return {
      store: new Store(this.#options, environ),
      masking: this.#masking(environ),
      environment: environment ?? first(environ, ENVIRONMENTS) ?? "production",
      release: release ?? first(environ, RELEASES),
      deployment: deploymentId ?? first(environ, DEPLOYMENTS),
    };
  }
}

function said(lost: Readonly<Record<string, number>>): void {
  for (const [reason, number] of Object.entries(lost)) {
    console.warn(`integration events lost (${number}): ${reason}`);
  }
}

function now(): number {
  return globalThis.performance?.now() ?? Date.now();
}

interface Failure {
  code: string | number;
}

/** What a call that threw nothing says of itself: `fetch`'s `ok` and `status`, supabase-js's `error`. */
function failureIn(result: unknown): Failure | undefined {
  return attempted(() => {
    if (typeof result !== "object" || result === null) return undefined;
    const { ok, status, statusCode, error } = result as Record<string, unknown>;
    const code = [status, statusCode].find((one) => typeof one === "number") as number | undefined;
    if (error) return { code: code === 401 ? code : codeOf(error, code) };
    if (code !== undefined && (code >= 400 || (ok === false && code < 100))) return { code: code || "network" };
    if (code !== undefined) return undefined;
    const failed = ok === false || (typeof status === "string" && /^(?:failed|failure|error)$/i.test(status));
    return failed ? { code: "failed" } : undefined;
  }); // a result whose members cannot be read is the app's to judge
}

/** A short word for what went wrong; never a message, in which anything may stand. */
function codeOf(error: unknown, otherwise?: number): string | number {
  try {
    if (typeof error !== "object" || error === null) {
      return otherwise ?? (/^\w{1,40}$/.test(String(error)) ? String(error) : "error");
    }
    const { status, statusCode, code, name, response, context, cause } = error as Record<string, unknown>;
    if (name === "AbortError" || name === "TimeoutError") return "timeout";
    // The answer is at `response` (axios, got), `context` (supabase-js's functions) or `cause`.
    const below = [response, context, cause].map((one) => (one ?? {}) as Record<string, unknown>);
    const statuses = below.flatMap((one) => [one["status"], one["statusCode"]]);
    const codes = [status, statusCode, ...statuses, code, ...below.map((one) => one["code"]), otherwise, name];
    const found = codes.find(
      (one) => (typeof one === "number" && one > 0) || (typeof one === "string" && one !== "" && one !== "Error"),
    );
    return (found as string | number | undefined) ?? (otherwise === 0 ? "network" : "error");
  } catch {
    return "error";
  }
}

/** A writer of its own, for whoever wants more than one. */
export function createIntegrationLog(options: Options = {}): IntegrationLog {
  return new Writer(options, (environ) => new Scrubber(secretsOf(environ)), OUR_EVENTS);
}

/** Where to and as which user, and what of a detail may leave. */
export interface ClientOptions extends Omit<Options, "serviceKey" | "environment" | "source"> {
  url: string | undefined;
  anonKey: string | undefined;
  accessToken: NonNullable<Options["accessToken"]>;
  /** The members of details that are sent, at every depth. None that is called after a secret or a person is sent. */
  keys?: Iterable<string>;
}

/**
 * A writer for phones and browsers, two fifths as large. It knows no form of any secret: nothing leaves but what `keys`
 * declare, and of that numbers of few digits, `true`, `false`, and words as programs have them. How many members of a
 * detail were left out stands in its `left_out`. What only servers may write the database refuses.
 */
export function createClientLog({ keys, ...options }: ClientOptions): IntegrationLog {
  const accessToken = options.accessToken ?? (() => null);
  return new Writer({ ...options, accessToken }, () => new AllowList(keys), new Set());
}

let shared: IntegrationLog | undefined;

function writer(): IntegrationLog {
  return (shared ??= createIntegrationLog());
}

/** Say where to and as whom, before the first event. What waits in the writer before is sent by it all the same. */
export function configureIntegrationLog(options: Options): void {
  void shared?.flush();
  shared = createIntegrationLog(options);
}

/**
 * Note that a provider was really used. Never throws and makes nobody wait; secrets and personal data are masked before
 * anything leaves the process. `releaseguard` as a provider, and the names of its own events, are refused and counted.
 */
export const logIntegrationEvent: IntegrationLog["logIntegrationEvent"] = (
  ...given: [IntegrationEvent | string, string?, Outcome?, EventFields?]
): void => (writer().logIntegrationEvent as (...given: unknown[]) => void)(...given);

/**
 * Call, and log how it went and how long it took. The result, or what was thrown, comes back as it is. A `fetch` that was
 * answered 401, and a supabase-js `{ error }`, are the errors that they are.
 */
export const withIntegrationLog: IntegrationLog["withIntegrationLog"] = (...given) =>
  writer().withIntegrationLog(...given);

/**
 * Send at once what was logged so far; `false` where it is not in the log within `timeoutMs`. For the end of a function
 * without `waitUntil`, of a process, and for an app that goes into the background.
 */
export const flush: IntegrationLog["flush"] = (timeoutMs) => writer().flush(timeoutMs);

/** Secrets of which too few values are possible: no fingerprint of them is written down. */
const LOW_IN_ENTROPY = ["PAYTR_MERCHANT_ID"];

/**
 * What tells the value of a secret that this process holds from every other, for `detail.secret_version`: HMAC-SHA-256
 * under `RELEASEGUARD_SALT` (the project's salt, or its name), cut to 40 bits, such as `fp:mfrggzdf`. `undefined`: there is
 * no such variable, or its value may be guessed. Never throws.
 */
export function fingerprint(
  name: string,
  { salt, environ }: { salt?: string; environ?: Environ } = {},
): string | undefined {
  const known = environ ?? environOf();
  const value = known[name] || "";
  const characters = [...value];
  if (LOW_IN_ENTROPY.includes(name) || characters.length < 16 || new Set(characters).size < 8) return undefined;
  const keyed = hmac([
    ...utf8(
      salt ||
        known[
          "RELEASEGUARD_SALT"
        ] || "project",
    ),
  ], [...utf8(value)]);
  const bits = keyed.slice(0, 5).map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return `fp:${bits.replace(/.{5}/g, (five) => "abcdefghijklmnopqrstuvwxyz234567"[parseInt(five, 2)]!)}`;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function hmac(key: number[], message: number[]): number[] {
  const short = key.length > 64 ? sha256(key) : key;
  const padded = Array.from({ length: 64 }, (_, at) => short[at] ?? 0);
  const inner = sha256([...padded.map((byte) => byte ^ 0x36), ...message]);
  return sha256([...padded.map((byte) => byte ^ 0x5c), ...inner]);
}

/** FIPS 180-4. Written out, since what runtimes bring of it answers later, and a label is wanted at once. */
function sha256(message: number[]): number[] {
  const primes: number[] = [];
  for (let one = 2; primes.length < 64; one++) if (primes.every((prime) => one % prime)) primes.push(one);
  const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0;
  const rounds = primes.map((prime) => fraction(Math.cbrt(prime)));
  const state = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
  const bits = message.length * 8;
  const bytes = [...message, 0x80, ...Array<number>((119 - (message.length % 64)) % 64).fill(0)];
  for (let shift = 56; shift >= 0; shift -= 8) bytes.push(Math.floor(bits / 2 ** shift) & 255);
  for (let start = 0; start < bytes.length; start += 64) mix(state, rounds, bytes.slice(start, start + 64));
  return state.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]);
}

function mix(state: number[], rounds: number[], block: number[]): void {
  const turned = (word: number, by: number): number => (word >>> by) | (word << (32 - by));
  const words = rounds.map((_, at) => block.slice(at * 4, at * 4 + 4).reduce((word, byte) => (word << 8) | byte, 0));
  let [a, b, c, d, e, f, g, h] = state as [number, number, number, number, number, number, number, number];
  rounds.forEach((round, at) => {
    if (at > 15) {
      const [early, late] = [words[at - 15]!, words[at - 2]!];
      const low = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
      const high = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
      words[at] = (words[at - 16]! + low + words[at - 7]! + high) | 0;
    }
    const chosen = (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g));
    const first = (h + chosen + round + words[at]!) | 0;
    const second = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  });
  [a, b, c, d, e, f, g, h].forEach((word, at) => (state[at] = (state[at]! + word) | 0));
}

// Below: what keeps secrets and personal data out of events. The rules are those of the writer for Python, and both are
// held against one labelled set. Nothing here is compiled before the first event is sent.

type Json = boolean | number | string | null | Json[] | { [key: string]: Json };

/** A text whose backslashes are the pattern's own. */
const raw = String.raw;

const MAX_DEPTH = 6;
const MAX_NODES = 400;
/** Characters of one text; all texts of one value together have twice that. */
const MAX_RAW = 4_000;
/** Characters of one text in an event. */
const MAX_TEXT = 2_000;
/** A secret that a cut halves is no longer recognised: so many characters before a cut are given up with it. */
const LONGEST_MATCH = 400;
const CUT = "[cut]";
const UNREADABLE = "[unreadable]";

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const ODD = /[\0\ud800-\udfff]/;

/** Text that every store can hold: no NUL, no lone surrogate. */
function storable(text: string, limit: number): string {
  const kept = text.length > limit ? text.slice(0, Math.max(limit - LONGEST_MATCH, 0)) + CUT : text;
  if (!ODD.test(kept)) return kept;
  return kept.replace(/\0/g, "").replace(
    /[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g,
    (pair) => (pair.length > 1 ? pair : "?"),
  );
}

/** The beginning of a text; half a character at its end no store would take. */
function cut(text: string, limit: number): string {
  return text.slice(0, limit).replace(/[\ud800-\udbff]$/, "");
}

/** What `call` comes to, or `instead` where it throws: the app's own getters may do anything. */
function attempted<T>(call: () => T, instead: T): T;
function attempted<T>(call: () => T): T | undefined;
function attempted<T>(call: () => T, instead?: T): T | undefined {
  try {
    return call();
  } catch {
    return instead;
  }
}

interface Budget {
  nodes: number;
  characters: number;
}

function spend(text: string, budget: Budget): string {
  const kept = storable(text, Math.min(MAX_RAW, Math.max(budget.characters, 0)));
  budget.characters -= kept.length;
  return kept;
}

/** A copy that JSON can hold, bounded in depth, nodes and text, whatever the app's objects do. */
function plain(value: unknown, depth: number, budget: Budget): Json {
  if (--budget.nodes < 0 || depth < 0) return CUT;
  if (typeof value === "string") return spend(value, budget);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value === null || value === undefined || typeof value === "boolean") return value ?? null;
  if (typeof value !== "object") return spend(typeof value === "function" ? "[function]" : String(value), budget);
  try {
    return converted(value, depth, budget);
  } catch {
    return UNREADABLE;
  }
}

function converted(value: object, depth: number, budget: Budget): Json {
  if (Array.isArray(value)) return listed(value, depth, budget);
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain) {
    if (value instanceof String || value instanceof Error) return spend(String(value), budget);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
    if (value instanceof Set) return listed(value, depth, budget);
    if (value instanceof Map) return membered(value.keys(), (key) => value.get(key), depth, budget);
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return plain(toJSON.call(value), depth - 1, budget);
  const keys = Object.keys(value);
  return keys.length || isPlain
    ? membered(keys, (key) => (value as Record<string, unknown>)[key], depth, budget)
    : spend(String(value), budget);
}

function listed(value: Iterable<unknown>, depth: number, budget: Budget): Json[] {
  const copied: Json[] = [];
  for (const item of value) {
    if (budget.nodes <= 0) {
      copied.push(CUT);
      break;
    }
    copied.push(plain(item, depth - 1, budget));
  }
  return copied;
}

function membered<Key>(
  keys: Iterable<Key>,
  read: (key: Key) => unknown,
  depth: number,
  budget: Budget,
): { [key: string]: Json } {
  const copied: { [key: string]: Json } = {};
  for (const key of keys) {
    if (budget.nodes <= 0) {
      copied[CUT] = true;
      break;
    }
    let item: unknown = UNREADABLE;
    try {
      item = read(key);
    } catch {
      // the app's own getter
    }
    const name = spend(storable(textOf(key), MAX_NAME), budget);
    const value = plain(item, depth - 1, budget);
    if (name !== "__proto__") copied[name] = value;
    else Object.defineProperty(copied, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return copied;
}

// Regular expressions, written as Python reads them: possessive (`{1,9}+`, `?+`) and atomic (`(?>...)`), so that none
// goes back over what it has taken and the work grows with the text and no faster; letters of every alphabet.

/** Letters and digits beyond ASCII, without what only changes a letter. */
const WIDE =
  "\\u00aa\\u00b5\\u00ba\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u1fff\\u2c00-\\u2dff\\u3005-\\ud7ff" +
  "\\uf900-\\ufdff\\ufe70-\\ufefc\\uff10-\\uff19\\uff21-\\uff3a\\uff41-\\uff5a\\uff66-\\uffdc";
const WORD = /* @__PURE__ */ (() => `[\\w${WIDE}]`)();
const EDGE = /* @__PURE__ */ (() => `(?:(?<!${WORD})(?=${WORD})|(?<=${WORD})(?!${WORD}))`)();

/** What JavaScript has instead: a look ahead never goes back, and what it saw is then taken. */
class Translation {
  #at = 0;
  #atoms = 0;

  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  whole(): string {
    return this.#alternatives();
  }

  #alternatives(): string {
    let out = "";
    while (this.#at < this.#source.length && this.#source[this.#at] !== ")") {
      // What stands before the group `x` is a group of its own, since its length says where `x` begins.
      if (this.#source.startsWith("(?P<x>", this.#at)) out = `(?<before>${out})`;
      out += this.#quantified(this.#atom());
    }
    return out;
  }

  #quantified(atom: string): string {
    const times = this.#took(/[?*+]|\{\d+(?:,\d*)?\}/y)?.[0];
    if (!times) return atom;
    const mode = this.#took(/[+?]/y)?.[0];
    return mode === "+" ? this.#atomic(atom + times) : atom + times + (mode ?? "");
  }

  #atomic(inner: string): string {
    const name = `a${++this.#atoms}`;
    return `(?:(?=(?<${name}>${inner}))\\k<${name}>)`;
  }

  #atom(): string {
    const back = this.#took(/\(\?P=(\w+)\)/y);
    if (back) return `\\k<${back[1]}>`;
    const group = this.#took(/\((?:\?(?:P(<\w+>)|<?[=!]|[:>]))?/y);
    if (group) return this.#group(group);
    const set = this.#took(/\[(?:\\.|[^\]\\])+\]/y);
    if (set) return setOf(set[0]);
    const [one] = this.#took(/\\?[^]/y)!;
    return one === "\\w" ? WORD : one === "\\b" ? EDGE : one;
  }

  #group(opened: RegExpExecArray): string {
    const inner = this.#alternatives();
    this.#at++;
    return opened[0] === "(?>" ? this.#atomic(inner) : `${opened[1] ? `(?${opened[1]}` : opened[0]}${inner})`;
  }

  #took(what: RegExp): RegExpExecArray | null {
    what.lastIndex = this.#at;
    const found = what.exec(this.#source);
    if (found) this.#at = what.lastIndex;
    return found;
  }
}

/** A set of characters, `[^\W...]` among them: a letter that is none of the rest. */
function setOf(set: string): string {
  if (!set.startsWith("[^\\W")) return set.replace("\\w", `\\w${WIDE}`);
  return `(?:(?![${set.slice(4)})${WORD})`;
}

const compiled = new Map<string, RegExp>();

/** The expression for a source, compiled when first asked for. `mode`: `g` to find all, `y` at a place. */
function rx(source: string, mode: "g" | "y" = "g"): RegExp {
  const key = mode + source;
  let found = compiled.get(key);
  if (!found) {
    const letters = source.startsWith("(?i)");
    found = new RegExp(new Translation(letters ? source.slice(4) : source).whole(), letters ? `${mode}i` : mode);
    compiled.set(key, found);
  }
  found.lastIndex = 0;
  return found;
}

function has(source: string, text: string): boolean {
  return rx(source).test(text);
}

function is(source: string, text: string): boolean {
  const found = rx(source, "y").exec(text);
  return found !== null && found[0].length === text.length;
}

function matchAt(source: string, text: string, place: number): RegExpExecArray | null {
  const expression = rx(source, "y");
  expression.lastIndex = place;
  return expression.exec(text);
}

function* allOf(source: string, text: string): Generator<RegExpExecArray> {
  const expression = rx(source);
  let place = 0;
  while (place <= text.length) {
    expression.lastIndex = place; // another search may have used it meanwhile
    const found = expression.exec(text);
    if (!found) return;
    place = found.index + (found[0].length || 1);
    yield found;
  }
}

function words(text: string): Set<string> {
  return new Set(text.split(" "));
}

function hasDigit(text: string): boolean {
  return /\d/.test(text);
}

/** The text as it is meant to be read, and where its characters stand in the original. */
interface Folded {
  text: string;
  place(index: number): number;
}

/** What `%20` becomes: a blank between digits, and no end of a value. */
const BLANK = "\u2420";
const ZEROS =
  "\u0660\u06f0\u07c0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0de6\u0e50\u0ed0\u0f20\u1040\u1090\u17e0" +
  "\u1810\u1946\u19d0\u1a80\u1a90\u1b50\u1bb0\u1c40\u1c50\ua620\ua8d0\ua900\ua9d0\ua9f0\uaa50\uabf0\uff10";

function foldedCharacter(character: string): string {
  const code = character.charCodeAt(0);
  for (const zero of ZEROS) {
    const digit = code - zero.charCodeAt(0);
    if (digit >= 0 && digit <= 9) return String(digit);
  }
  if (/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/.test(character)) return " ";
  if (
    /[\u058a\u05be\u1400\u1806\u2010-\u2015\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d]/
      .test(character)
  ) return "-";
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
  return character === "\u0130" ? "I" : character;
}

function fold(text: string): Folded {
  const folded = text.replace(/[^\0-\x7f]/g, foldedCharacter);
  if (!/%(?:2[089bde]|3[ad]|40|5f)/i.test(folded)) return { text: folded, place: (index) => index };
  const places: number[] = [];
  const read = folded.replace(/%(2[089bdef]|3[ad]|40|5f)|[^]/gi, (all, encoded: string | undefined, place: number) => {
    places.push(place);
    return encoded === "20" ? BLANK : encoded ? String.fromCharCode(parseInt(encoded, 16)) : all;
  });
  return { text: read, place: (index) => places[index] ?? text.length };
}

// What a key's name gives away about its value: tables of words, English and Turkish. What a key ends in decides.

const SECRET_WORDS = /* @__PURE__ */ words(
  "password passwd passphrase passcode parola sifre sifresi pwd secret token apikey authorization credential " +
    "credentials cookie jwt otp totp cvv cvc cvv2 cvc2 dsn",
);
const RUN_TOGETHER = /(?:password|passwd|secret|token|apikey|secretkey|privatekey|accesskey|authkey)$/;
/** What speaks *about* a secret: its value stays (`token_type`, `secret_version`). */
const ABOUT = /* @__PURE__ */ words(
  "version versions name names count counts type types status state age length len size limit expires expiry " +
    "expired expiration ttl present used valid invalid required missing reset rotated changed updated created issued " +
    "verified confirmed enabled disabled id ids file path policy format color colour strength hint attempts tries " +
    "provider source template scope scopes usage uses at on error errors reason code codes field fields rule rules " +
    "page url index",
);
const FLAGS = /* @__PURE__ */ words("is has can should needs requires no use uses allow allows");
const KEY_OF = /* @__PURE__ */ words(
  "api access private auth merchant signing service encryption role anon secret user master shared webhook server " +
    "account storage hmac session client subscription publishable ssh admin deploy",
);
const CODE_OF = /* @__PURE__ */ words(
  "verification verify confirmation confirm otp auth authorization security sms login activation mfa 2fa factor " +
    "reset onay dogrulama guvenlik giris aktivasyon sifre pairing backup recovery invite",
);
const PIN_OF = /* @__PURE__ */ words(
  "card user sms login wallet atm security access account otp verification new old current confirm kart sim",
);
const ENDINGS: Record<string, Set<string>> = {
  key: KEY_OF,
  code: CODE_OF,
  codes: CODE_OF,
  kod: CODE_OF,
  kodu: CODE_OF,
  pin: PIN_OF,
};
const KINDS_BY_ENDING: Record<string, string> = {
  secret:
    "bearer, salt, signature, sig, cookies, set cookie, merchant key, connection string, backup codes, recovery codes",
  email:
    "email, emails, mail, eposta, e mail, e posta, email address, mail address, eposta adresi, e posta adresi, mail adresi",
  phone: "phone, phones, telephone, msisdn, gsm, mobile, telefon, telefonu, tel, fax, whatsapp, cep, phone number, " +
    "mobile number, telephone number, phone no, mobile no, gsm no, gsm number, telefon no, telefon numarasi, cep no, " +
    "tel no, cep telefonu",
  iban: "iban, iban no, iban number",
  card: "pan, cardnumber, card number, card no, kart no, kart numarasi, credit card, kredi karti",
  identity:
    "tckn, tcno, kimlik, ssn, tc no, tc kimlik, kimlik no, kimlik numarasi, national id, tc kimlik no, tckimlik, " +
    "tckimlikno, identity number, identity no, citizen id, personal code, passport, passport no, passport number, " +
    "pasaport, pasaport no, pasaport numarasi, vkn, vergi no, vergi numarasi, tax number, tax no, tax id, " +
    "social security number, plate, plate number, plate no, plaka, plaka no, license plate, licence plate, ehliyet, " +
    "ehliyet no, driver license, driver licence, drivers license, driving license, driving licence, license number, " +
    "licence number, license no, licence no, doc number, document number, belge no, seri no, national id number, " +
    "national number, identification number",
  person:
    "firstname, lastname, fullname, surname, soyad, soyadi, soyisim, isim, ismi, adsoyad, ad soyad, adi soyadi, " +
    "ad soyadi, ad ve soyad, isim soyisim, username, user name, kart sahibi, first name, last name, full name, " +
    "given name, family name, middle name, maiden name, birthdate, birthday, dob, birth date, date of birth, " +
    "birth place, place of birth, birth day, dogumtarihi, dogum tarihi, dogum yeri, dogum gunu, dogum yili, " +
    "birth year, year of birth, address, adres, adresi, street, sokak, mahalle, address line, street address, " +
    "street name, acik adres, ev adresi, house number, house no",
  location:
    "lat, lng, lon, latitude, longitude, latlng, latlon, lnglat, lonlat, coordinates, coords, coordinate, coord, " +
    "enlem, boylam, geopoint, koordinat, koordinatlar, konum, lat lng, lat lon",
  ip: "ip, ipaddress, ip address, ip adresi, remote addr, forwarded for, real ip, ipv4, ipv6",
};
/** The kind of a key whose value is a person's only if it looks like a name. */
const NAME_LIKE = "name?";
const SINGLE: Record<string, string> = {
  pin: "secret",
  tc: "identity",
  licence: "identity",
  license: "identity",
  ad: NAME_LIKE,
  adiniz: NAME_LIKE,
};
const PEOPLE = /* @__PURE__ */ words(
  "customer user member recipient receiver contact holder cardholder owner buyer seller patient student employee " +
    "guest passenger person payer payee beneficiary subscriber author traveler traveller musteri alici satici " +
    "gonderen kullanici uye yetkili kisi hasta ogrenci sahibi anne baba surucu yolcu musterinin",
);
/** Whose *address* is nobody's home. */
const THINGS = /* @__PURE__ */ words(
  "mac contract wallet bind server listen network base web url host smtp memory return service bucket queue lookup " +
    "validation broker cluster node pod gateway endpoint callback token",
);
/** Keys that say nothing about what they hold. */
const WRAPPERS = /* @__PURE__ */ words(
  "payload data body detail details result response request params args context meta metadata extra fields form " +
    "input record row values attributes properties object item new old before after query headers config options 0 1 2",
);
const MAYBE_NAMES = /* @__PURE__ */ words(
  "display account client billing shipping profile nick legal sender driver tenant screen",
);
const NUMBERED = /* @__PURE__ */ words(
  "id ids oid uuid guid sid no ref reference number num code barcode sku epoch timestamp ts time at referans " +
    "takip kodu offset bytes rows total amount tutar size seq sequence hash sha commit build trace span",
);
const ABOUT_MEMBERS = /* @__PURE__ */ words("version versions name names count counts present status");

let endings: Map<string, string> | undefined;

function kindOfEnding(phrase: string): string | undefined {
  endings ??= new Map(
    Object.entries(KINDS_BY_ENDING).flatMap(([kind, all]) =>
      all.split(", ").map((one): [string, string] => [one, kind])
    ),
  );
  return endings.get(phrase);
}

/** Turkish letters, and below each the plain one; a dot that only combines is dropped. */
const TURKISH = "çğıİöşüÇĞÖŞÜ";
const PLAIN = "cgiIosuCGOSU";

function wordsOf(key: string): string[] {
  const read = key.slice(0, 200).replace(/[çğıİöşüÇĞÖŞÜ\u0307]/g, (letter) => PLAIN[TURKISH.indexOf(letter)] ?? "");
  return (read.match(rx(raw`[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+`)) ?? []).map((word) => word.toLowerCase());
}

const remembered = new Map<string, string | undefined>();

/** What the value under `key`, in the object under `parent`, is by its name. */
function kindOfKey(key: string, parent = ""): string | undefined {
  const both = `${key}\0${parent}`;
  if (remembered.has(both)) return remembered.get(both);
  const kind = readKey(key, parent);
  if (remembered.size >= 2_048) remembered.clear();
  remembered.set(both, kind);
  return kind;
}

function readKey(key: string, parent: string): string | undefined {
  const own = wordsOf(key);
  while (own.length > 1 && /^\d+$/.test(own.at(-1)!)) own.pop();
  if (!own.length) return undefined;
  const above = wordsOf(parent).slice(-2).filter((word) => !WRAPPERS.has(word));
  return secretBy(own) ?? personalBy(own, above);
}

function secretBy(own: readonly string[]): string | undefined {
  const last = own.at(-1)!;
  const before = own.slice(0, -1);
  const owners = Object.hasOwn(ENDINGS, last) ? ENDINGS[last]! : undefined;
  if (owners && before.some((word) => owners.has(word))) return "secret";
  if (ABOUT.has(last) || (before.length && FLAGS.has(own[0]!))) return undefined;
  if (own.some((word) => SECRET_WORDS.has(word)) || RUN_TOGETHER.test(last)) return "secret";
  const kinds = [
    kindOfEnding(own.slice(-2).join(" ")),
    kindOfEnding(last),
    own.length === 1 && last === "pin" ? "secret" : "",
  ];
  return kinds.includes("secret") ? "secret" : undefined;
}

/** Whether words of a sentence *end* in the name of a secret: `api key` does, `token for user` does not. */
function namesASecret(phrase: string): boolean {
  const last = wordsOf(phrase).slice(-1);
  return last.length > 0 && (Object.hasOwn(ENDINGS, last[0]!) || secretBy(last) !== undefined);
}

function personalBy(own: readonly string[], above: readonly string[]): string | undefined {
  const last = own.at(-1)!;
  if (own.length > 1 && FLAGS.has(own[0]!)) return undefined;
  if (["name", "adi", "names"].includes(last)) return nameBy(own, above);
  if (own.length === 1 && Object.hasOwn(SINGLE, last)) return SINGLE[last];
  const both = [...above, ...own];
  const kind = [4, 3, 2, 1].map((size) => kindOfEnding(both.slice(-size).join(" "))).find(Boolean);
  if (kind === "person" && ["address", "adresi"].includes(last) && both.some((word) => THINGS.has(word))) {
    return undefined;
  }
  return kind ?? (PEOPLE.has(last) ? NAME_LIKE : undefined);
}

function nameBy(own: readonly string[], above: readonly string[]): string | undefined {
  const known = own.length > 1 ? kindOfEnding(own.slice(-2).join(" ")) : undefined;
  if (known) return known;
  const whose = (own.length > 1 ? own.slice(0, -1) : above).at(-1);
  if (whose !== undefined && PEOPLE.has(whose)) return "person";
  return whose === undefined || MAYBE_NAMES.has(whose) ? NAME_LIKE : undefined;
}

function endsIn(key: string, table: Set<string>): boolean {
  return table.has(wordsOf(key).at(-1) ?? "");
}

/** A mail's own identifier has an address's form and is nobody's (RFC 5322). */
function isMessageId(key: string, text: string): boolean {
  const named = ["message id", "msg id"].includes(wordsOf(key).slice(-2).join(" ")) ||
    key.toLowerCase() === "messageid";
  return named && is(raw`<?[^\s<>@]{8,200}+@[\w.-]{1,200}+>?`, text);
}

function looksLikeAName(text: string): boolean {
  const each = text.split(/\s+/).filter(Boolean);
  if (each.length < 1 || each.length > 5) return false;
  if (!each.every((word) => is(raw`[^\W\d_a-z][^\W\d_]*[.'’-]?(?:[^\W\d_]+)?`, word))) return false;
  if (each.some((word) => /(?:Error|Exception|Warning|Failure|Request|Response|Handler|Service)$/.test(word))) {
    return false;
  }
  const rest = text.slice(1);
  return each.length > 1 || (rest === rest.toLowerCase() && rest !== rest.toUpperCase());
}

// Numbers that belong to somebody, each proven by what it is made of.

type Span = [start: number, end: number];
type Found = [start: number, end: number, kind: string];
type Finder = (text: string) => Iterable<Found>;

const ISSUERS =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7]|35)\d{14}|9792\d{12}|3[47]\d{13}|3[0689]\d{12}|(?:5[06-9]|6\d)\d{14,17})$/;

/** Runs of digits, in groups or not, in which a card's number begins and ends with a group. */
function* cards(text: string): Generator<Span> {
  for (const found of allOf(raw`(?<![\w.])\d(?:[ .${BLANK}-]?\d){0,255}+`, text)) {
    const after = text[found.index + found[0].length] ?? "";
    if (found[0].length >= 13) yield* cardsIn(found[0], found.index, !is(raw`\w`, after));
  }
}

/** `whole`: no letter follows the run, so that its last group is one. */
function* cardsIn(run: string, offset: number, whole: boolean): Generator<Span> {
  const places = [...run].flatMap((character, place) => (hasDigit(character) ? [place] : []));
  const isEnd = (place: number): boolean => !hasDigit(run[place + 1] ?? "") && (whole || place !== places.at(-1));
  let free = 0;
  for (const [first, start] of places.entries()) {
    if (start < free || hasDigit(run[start - 1] ?? "")) continue;
    const last = places.slice(first + 12, first + 19).find((place) =>
      isEnd(place) && isWrittenCard(run.slice(start, place + 1))
    );
    if (last === undefined) continue;
    yield [offset + start, offset + last + 1];
    free = last + 1;
  }
}

/** With dots only between its groups of four, or it is a fraction. */
function isWrittenCard(text: string): boolean {
  const dots = text.split(".").length - 1;
  return (dots === 0 || dots >= 3) && isCard(text.replace(/\D/g, ""));
}

/** A scheme's range and Luhn's check digit. */
function isCard(digits: string): boolean {
  if (!ISSUERS.test(digits)) return false;
  const doubled = [...digits].reverse().map((digit, place) => Number(digit) * (1 + (place % 2)));
  return doubled.reduce((sum, number) => sum + (number > 9 ? number - 9 : number), 0) % 10 === 0;
}

/** Lengths; lower case: nothing but the country is a letter. */
const IBANS =
  "AD24 ae23 AL28 at20 AZ28 ba20 be16 BG22 BH22 BR29 BY28 CH21 cr22 CY28 cz24 de22 dk18 DO28 ee20 eg29 es24 fi18 fo18 " +
  "FR27 GB22 GE22 GI23 gl18 GR27 GT28 hr21 hu28 IE22 il23 IQ23 is26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 lt20 LU20 LV21 " +
  "ly25 MC27 MD24 me22 MK19 mr27 MT31 MU30 NL18 no15 PK24 pl28 PS29 pt25 QA29 RO24 rs22 SA24 SC31 se24 si19 sk24 SM27 " +
  "st25 SV28 tl23 tn24 TR26 UA29 va22 VG24 xk20";

function* ibans(text: string): Generator<Span> {
  let free = 0;
  for (
    const found of allOf(raw`(?<![A-Za-z0-9])([A-Za-z]{2})[ ${BLANK}]?\d{2}(?=[ .${BLANK}-]?[A-Za-z0-9])`, text)
  ) {
    const at = IBANS.toUpperCase().indexOf(found[1]!.toUpperCase());
    const end = found.index >= free && at >= 0 && at % 5 === 0
      ? ibanEnd(text, found.index, Number(IBANS.slice(at + 2, at + 4)))
      : 0;
    if (!end) continue;
    yield [found.index, end];
    free = end;
  }
}

function ibanEnd(text: string, start: number, length: number): number {
  let compact = "";
  for (let place = start; place < Math.min(text.length, start + length * 2); place++) {
    const character = text[place]!;
    if (/[A-Za-z0-9]/.test(character)) compact += character.toUpperCase();
    else if (!` .-${BLANK}`.includes(character)) return 0;
    if (compact.length === length) return isIban(compact) ? place + 1 : 0;
  }
  return 0;
}

/** ISO 13616: rearranged and read as a number, modulo 97 it is 1. */
function isIban(compact: string): boolean {
  if (IBANS.includes(compact.slice(0, 2).toLowerCase()) && /\D/.test(compact.slice(2))) return false;
  const digits = [...compact.slice(4), ...compact.slice(0, 4)].map((character) => parseInt(character, 36)).join("");
  return [...digits].reduce((rest, digit) => (rest * 10 + Number(digit)) % 97, 0) === 1;
}

/** The two check digits of a T.C. kimlik numarası. */
function isTurkishIdentity(text: string): boolean {
  const digits = text.replace(/\D/g, "").split("").map(Number);
  if (digits.length !== 11) return false;
  const sum = (from: number, step: number, to: number): number =>
    digits.slice(from, to).reduce((all, digit, place) => all + (place % step ? 0 : digit), 0);
  const tenth = (((sum(0, 2, 9) * 7 - sum(1, 2, 8)) % 10) + 10) % 10;
  return digits[9] === tenth && digits[10] === sum(0, 1, 10) % 10;
}

/** An address that may be somebody's: not loopback, private, link-local, multicast or unspecified. */
function isPublicIp(text: string): boolean {
  if (text.includes(":")) return isPublicIp6(text);
  const parts = text.split(".");
  if (parts.some((part) => Number(part) > 255 || /^0\d/.test(part))) return false;
  const [a, b] = parts.map(Number) as [number, number];
  const local = a === 0 || a === 10 || a === 127 || (a >= 224 && a < 240) || (a === 169 && b === 254);
  return !local && !(a === 172 && b >= 16 && b < 32) && !(a === 192 && b === 168) && !(a === 100 && b >= 64 && b < 128);
}

function isPublicIp6(text: string): boolean {
  const [head, tail, more] = text.split("::");
  const groups = [head, tail].map((half) => (half ? half.split(":") : []));
  const all = groups.flat();
  const fits = tail === undefined ? all.length === 8 : all.length < 8;
  if (more !== undefined || !fits || !all.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  const values = all.map((group) => parseInt(group, 16));
  const start = groups[0]!.length ? values[0]! : 0;
  const tiny = values.slice(0, -1).every((value) => value === 0) && (values.at(-1) ?? 0) <= 1;
  return !tiny && (start & 0xfe00) !== 0xfc00 && (start & 0xffc0) !== 0xfe80 && (start & 0xff00) !== 0xff00;
}

/** Two numbers that can be latitude and longitude, in either order, and not two shares. */
function isPlace(text: string): boolean {
  const numbers = (text.match(/\d{1,3}\.\d+/g) ?? []).map(Number);
  return numbers.length === 2 && Math.min(...numbers) <= 90 && Math.max(...numbers) >= 2 && Math.max(...numbers) <= 180;
}

// What a text gives away by its look: rules, each asked only where one of its hints is there.

interface Rule {
  hints: string[];
  find: Finder;
}

function rule(hints: string, find: Finder): Rule {
  return { hints: hints.split("|"), find };
}

/** A kind and what it looks like; the group `x`, where there is one, is what is masked. */
function pattern(kind: string, source: string, proves?: (text: string) => boolean): Finder {
  return function* (text) {
    for (const found of allOf(source, text)) {
      const shown = found.groups?.["x"] ?? found[0];
      const start = found.index + (found.groups?.["before"]?.length ?? 0);
      if (!proves || proves(shown)) yield [start, start + shown.length, kind];
    }
  };
}

function as(kind: string, find: (text: string) => Iterable<Span>): Finder {
  return function* (text) {
    for (const [start, end] of find(text)) yield [start, end, kind];
  };
}

const MARK = /\[(?:secret|email|iban|card|identity|phone|person|location|ip)\]/g;

/** Keys of services, by their documented forms; behind each what is looked for first, where that is not how it begins. */
const SERVICES = (): [form: string, hints?: string][] => [
  [raw`SG\.[A-Za-z0-9_-]{16,80}+(?:\.[A-Za-z0-9_-]{16,80}+)?`, "sg."], // SendGrid
  [raw`sk-(?=[A-Za-z_-]{0,40}\d)[A-Za-z0-9_-]{16,300}+`], // OpenAI, Anthropic
  [raw`(?:[sprk]{2}|rk)_(?:live|test)_[A-Za-z0-9]{10,250}+`, "_live_ _test_"], // Stripe
  [raw`(?:AC|SK)[0-9a-f]{32}(?![0-9a-f])`, "ac sk"], // Twilio
  [raw`(?:pk|sk|tk)\.[A-Za-z0-9_-]{20,300}+(?:\.[A-Za-z0-9_-]{10,100}+)?`, "pk. sk. tk."], // Mapbox
  [raw`gh[pousr]_[A-Za-z0-9]{20,255}+`, "ghp_ gho_ ghu_ ghs_ ghr_"],
  [raw`github_pat_[A-Za-z0-9_]{20,255}+`],
  [raw`gl(?:pat|dt|rt|ptt|cbt|soat)-[A-Za-z0-9_-]{16,100}+`, "glpat- gldt- glrt- glptt-"], // GitLab
  [raw`(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])`, "akia asia abia acca"], // AWS
  [raw`AIza[A-Za-z0-9_-]{30,45}+`], // Google: keys, tokens, client secrets, refresh tokens
  [raw`ya29\.[A-Za-z0-9_.-]{10,2000}+`, "ya29."],
  [raw`GOCSPX-[A-Za-z0-9_-]{10,60}+`],
  [raw`1//0[A-Za-z0-9_-]{20,200}+`, "1//0"],
  [raw`xox[abeoprs](?:\.xox[abeoprs])?-[A-Za-z0-9-]{10,250}+`], // Slack
  [raw`xapp-[A-Za-z0-9-]{10,250}+`],
  [raw`sb_(?:secret|publishable)_[A-Za-z0-9_-]{10,200}+`, "sb_secret_ sb_publishable_"], // Supabase
  [raw`sbp_[A-Za-z0-9_]{20,100}+`],
  [raw`ph[cxs]_[A-Za-z0-9]{20,100}+`, "phc_ phx_ phs_"], // PostHog
  [raw`sntry[su]_[A-Za-z0-9_=+/-]{20,400}+`, "sntrys_ sntryu_"], // Sentry
  [raw`whsec_[A-Za-z0-9+/=_-]{10,100}+`], // Stripe, Svix
  [raw`vc[apkir]_[A-Za-z0-9]{20,100}+`, "vca_ vcp_ vck_ vci_ vcr_"], // Vercel
  [raw`st\.[A-Za-z0-9]{8,64}+\.[A-Za-z0-9.]{16,200}+`, "st."], // Infisical
  [raw`Expo(?:nent)?PushToken\[[^\]\s]{6,100}+\]`, "pushtoken["],
  [raw`[A-Za-z0-9_-]{6,60}+:APA91b[A-Za-z0-9_-]{60,300}+`, ":apa91b"], // Firebase: devices and old server keys
  [raw`npm_[A-Za-z0-9]{30,60}+`],
  [raw`pypi-[A-Za-z0-9_-]{40,300}+`],
  [raw`re_(?=[A-Za-z0-9_]{0,12}\d)[A-Za-z0-9]{6,12}+_[A-Za-z0-9]{16,40}+`], // Resend
  [raw`key-[0-9a-f]{32}(?![0-9a-f])`], // Mailgun
  [raw`[0-9a-f]{32}-us\d{1,2}+`, "-us"], // Mailchimp
  [raw`x(?:key|smtp)sib-[A-Za-z0-9-]{20,150}+`, "xkeysib- xsmtpsib-"], // Brevo
  [raw`hf_[A-Za-z0-9]{30,60}+`], // Hugging Face
  [raw`gsk_[A-Za-z0-9]{30,80}+`], // Groq
  [raw`r8_[A-Za-z0-9]{30,60}+`], // Replicate
  [raw`(?:xai|pplx)-[A-Za-z0-9]{30,120}+`, "xai- pplx-"],
  [raw`do[opr]_v1_[0-9a-f]{40,80}+`, "dop_v1_ doo_v1_ dor_v1_"], // DigitalOcean
  [raw`shp(?:at|ss|ca|pa)_[A-Fa-f0-9]{20,64}+`, "shpat_ shpss_ shpca_ shppa_"], // Shopify
  [raw`sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,60}+`], // Square
  [raw`lin_api_[A-Za-z0-9]{30,60}+`], // Linear
  [raw`(?:ntn|secret)_(?=[A-Za-z]{0,20}\d)[A-Za-z0-9]{30,60}+`, "ntn_ secret_"], // Notion
  [raw`figd_[A-Za-z0-9_-]{20,80}+`],
  [raw`nfp_[A-Za-z0-9]{30,60}+`], // Netlify
  [raw`dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}+\.)?[A-Za-z0-9]{30,60}+`, "dp."], // Doppler
  [raw`pscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{30,70}+`], // PlanetScale
  [raw`gl(?:c|sa)_[A-Za-z0-9_+/=-]{30,200}+`, "glc_ glsa_"], // Grafana
  [raw`NRAK-[A-Z0-9]{20,40}+`], // New Relic
  [raw`PMAK-[0-9a-f]{20,30}+-[0-9a-f]{30,40}+`], // Postman
  [raw`ATATT3[A-Za-z0-9_=-]{50,250}+`], // Atlassian
  [raw`dapi[0-9a-f]{32}(?![0-9a-f])`], // Databricks
  [raw`hv[sb]\.[A-Za-z0-9_-]{20,150}+`, "hvs. hvb."], // Vault
  [raw`(?:rnd_|HRKU-)[A-Za-z0-9_-]{20,70}+`, "rnd_ hrku-"], // Render, Heroku
  [raw`(?:bot)?+\d{8,10}+:AA[A-Za-z0-9_-]{30,40}+`, "aa"], // Telegram
  [raw`EAA[A-Za-z0-9]{60,300}+`], // Meta
];

const STATUS = /* @__PURE__ */ words(
  "required missing invalid expired incorrect wrong malformed mismatch undefined null none nil true false yes no " +
    "empty unknown unset hidden redacted masked filtered optional denied revoked rejected disabled enabled failed ok " +
    "error not must is was should cannot can too may has have been be will changed updated reset set sent string " +
    "number boolean zorunlu gecersiz geçersiz hatali hatalı yanlis yanlış eksik gerekli bos boş dogru doğru degisti " +
    "değişti var yok başarısız basarisiz süresi suresi uyuşmuyor blank absent present provided issued unauthorized " +
    "forbidden",
);
const PLACEHOLDER =
  /* @__PURE__ */ (() =>
    raw`\$\{\w{1,60}+\}?|\$[A-Z][A-Z0-9_]{1,60}+|<[\w -]{1,60}+>?|\{\{?[\w .]{1,60}+\}{1,2}|%[sd]|%\(\w{1,30}+\)s|\$\d` +
    raw`|process\.env[\w.]{0,60}+|os\.environ\S{0,60}+|[x*•.…_-]{3,300}+|[A-Z][A-Z0-9]{0,30}+(?:_[A-Z0-9]{1,30}+){1,8}+` +
    raw`|\[\w{1,20}+\]`)();

/** Whether it is a word about a secret (`missing`), and no secret. */
function isStatus(value: string): boolean {
  return STATUS.has(value.toLowerCase().replace(/[.,;:!?)]+$/, ""));
}

function isSaid(value: string): boolean {
  return isStatus(value) || is(PLACEHOLDER, value);
}

/** Whether it looks made and not written: digits, signs, or longer than words are. */
function isRandom(value: string): boolean {
  return value.length >= 20 ||
    has(raw`[^a-zA-Z]`.replace("a-z", `a-z${WIDE}`), value.replace(/^[.,;:!?]+|[.,;:!?]+$/g, ""));
}

function isBearer(value: string): boolean {
  return !isSaid(value) && (value.length >= 20 || hasDigit(value));
}

/** RFC 7617: the Base64 of `user:password`. */
function isBasic(value: string): boolean {
  try {
    return atob(value.replace(/[-_=]/g, "")).includes(":");
  } catch {
    return typeof atob === "undefined";
  }
}

const AUTHORITY =
  /* @__PURE__ */ (() =>
    raw`://(?!git@)(?P<x>[^\s/@:\"'<>]{0,200}+:(?!\d{1,5}[/?#])[^\s@\"'<>]{1,300}+(?:@[^\s@/\"'<>]{1,100}+(?=@))?` +
    raw`|[^\s/@\"'<>]{1,300}+)@`)();
const URL_KEYS =
  /* @__PURE__ */ (() =>
    raw`(?i)[?&;](?>apikey|api[_-]key|access[_-]token|id[_-]token|code[_-]verifier|x-amz-signature|x-amz-credential|` +
    raw`x-amz-security-token|x-goog-signature|signature|sig|key|token|auth|hash|secret|password|pwd|pass|ticket|jwt|session|sid)=` +
    raw`(?P<x>[^\s\"'&#<>]{1,2000}+)`)();

const PAIR =
  /* @__PURE__ */ (() =>
    raw`(?<!\w)(?P<name>(?:[^\W\d]\w{0,30}+[ ](?=[^\W\d])){0,2}+[^\W\d][\w.-]{0,60}+)(?:\\?[\"'\]]){0,3}+` +
    raw`(?:[ \t]{0,3}+(?:=>|:=|={1,2}|:|%3[Dd])[ \t]{0,3}+|(?P<close>>)|[ ]{1,2}+(?=[\"']))`)();
const OPTION = /* @__PURE__ */ (() => raw`(?<![\w-])--?(?P<name>[a-z][\w-]{1,40}+)[ =](?=[^\s-])`)();
const VALUE = /* @__PURE__ */ (() =>
  raw`(?P<quote>\\?[\"'\x60])(?P<inner>(?:(?!(?P=quote))[^\n]){1,2000}+)` +
  raw`|(?P<bare>(?:[^\s\"'<>&,;)\]}]|[,;)\]}](?![\s\"'<>,;)\]}]|$|[\w.-]{1,30}+=)|&(?![\w.\[\]-]{1,40}+(?:[=&\s]|$)))` +
  raw`{1,300}+)`)();
const NAMED =
  /* @__PURE__ */ (() =>
    raw`[^\W\d_a-zçğışöü][\w.'’-]{0,40}+(?:[ ](?:[^\W\d_a-zçğışöü][\w.'’/:-]{0,40}+|\d{1,5}[\w/]{0,5}+)){0,9}+`)();
const GROUPS = /* @__PURE__ */ (() => raw`(?:[ ${BLANK}](?:\(?\d[\d().-]{0,12}+|[A-Z]{1,3}(?=[ ]?\d))){0,6}+`)();

/** Values whose name, before `=` or `:`, tells what they are. */
function* pairs(text: string): Generator<Found> {
  for (const found of allOf(PAIR, text)) {
    const named = found.groups!["name"]!;
    if (found.groups!["close"] && text[found.index - 1] !== "<") continue;
    const kind = kindOfKey(named);
    if (kind && (kind !== "secret" || !named.includes(" ") || namesASecret(named))) {
      yield* valueOf(text, named, found.index + named.length, found.index + found[0].length, kind);
    }
  }
}

function* options(text: string): Generator<Found> {
  for (const found of allOf(OPTION, text)) {
    const named = found.groups!["name"]!;
    const ends = found.index + found[0].length;
    if (kindOfKey(named) === "secret") yield* valueOf(text, named, ends - 1, ends, "secret");
  }
}

function* valueOf(text: string, named: string, nameEnds: number, ends: number, kind: string): Generator<Found> {
  const value = matchAt(VALUE, text, ends);
  if (!value) return;
  const { quote, inner, bare } = value.groups!;
  if (bare !== undefined && named.toLowerCase().endsWith("authorization")) return; // a rule of its own knows the scheme
  const said = bare ?? inner!;
  const start = ends + (bare === undefined ? quote!.length : 0);
  const stops = text.slice(nameEnds, ends);
  const prose = bare !== undefined && /:[^]*\s$/.test(stops);
  if (kind === "secret") {
    const surely = !prose && stops.replace(/^[ \t"'\\\]]+/, "") !== "";
    if (isSecretValue(named, said, text.slice(start + said.length, start + said.length + 2), surely)) {
      yield [start, start + said.length, kind];
    }
  } else if (kind === "person" || kind === NAME_LIKE) {
    yield* person(text, start, start + said.length, kind, prose);
  } else if (kind !== "email" && hasDigit(said)) {
    const end = start + said.length;
    const groups = bare === undefined ? null : matchAt(GROUPS, text, end);
    yield [start, end + (groups?.[0].length ?? 0), kind];
  }
}

/** `surely`: a name and a value, and not a sentence about the name. */
function isSecretValue(named: string, value: string, after: string, surely: boolean): boolean {
  if (isSaid(value) || !has(raw`[^\W_]`, value)) return false;
  if (surely) return true;
  if (isRandom(value)) return !/^\d{1,3}$/.test(value);
  const hard = ["pass", "parola", "sifre", "şifre", "pwd"].some((word) => named.toLowerCase().includes(word));
  return hard && !is(raw` [^\W\d_]`, after);
}

function* person(text: string, start: number, end: number, kind: string, prose: boolean): Generator<Found> {
  const named = prose ? matchAt(NAMED, text, start) : null;
  if (prose && !named && !hasDigit(text[start] ?? "")) return;
  const last = named ? start + named[0].length : end;
  const said = text.slice(start, last);
  if (!isSaid(said) && (kind === "person" || looksLikeAName(said))) yield [start, last, "person"];
}

const OTP_CONTEXT =
  "otp|one-time|one time|verif|confirm|2fa|mfa|two-factor|login code|log in|sign in|security code|passcode|access code|" +
  "your code|code is|sms code|authentication code|auth code|doğrula|dogrula|onay kod|onay ş|kodunuz|şifreniz|sifreniz|" +
  "giriş kod|giris kod|güvenlik kod|guvenlik kod|tek kullan|sms kod|aktivasyon kod|pin|kodu ile|activation code";
const CODE = /* @__PURE__ */ (() => raw`(?P<x>(?:[A-Z]-)?+(?:\d{4,8}+|\d{3}[ -]\d{3}))(?![\w%]|[.,:/-]\d)`)();
/** What would make a number of something of it: `3600 seconds`. */
const UNIT =
  /* @__PURE__ */ (() =>
    raw`(?!\s{0,2}+(?>seconds?|secs?|s|ms|minutes?|mins?|min|hours?|days?|times|tries|attempts?|of|saniye|sn|dakika|dk|` +
    raw`saat|gün|kez|deneme|karakter|characters?|char|digits?|haneli|hane|TL|TRY|USD|EUR|bytes?)\b)`)();
const OTP_AFTER =
  /* @__PURE__ */ (() =>
    raw`(?i)(?<!\w)(?P<label>(?>otp|pin|passcode|(?:[\w-]{1,20}+[ ])?+(?:code|kodunuz|kodumuz|kodu|kod|şifreniz|` +
    raw`sifreniz|şifre|sifre|password|parolanız|parola)))\b(?>[^\w\n.!?]|\.(?!\s)|(?<=\s)(?>is|was|for|your|in|as|of|to|the|` +
    raw`login|icin|için|olarak|number|no|using|with)\b){1,24}+(?<![\d.,/])${CODE}${UNIT}`)();
const OTP_BEFORE =
  /* @__PURE__ */ (() =>
    raw`(?i)(?<![\w.,:/#-])(?<!code )(?<!kodu )(?<!kod )${CODE}${UNIT}[\"']?+\s{0,2}+` +
    raw`(?:(?>is|as|-|:)\s(?>your|the|a|my)\s(?:[^\W\d]{1,20}+\s){0,3}?(?>one[- ]time|otp|verification|login|security|` +
    raw`confirmation|access|passcode|pin|sign[- ]?in|authentication|code)|(?:[^\W\d]{1,20}+\s{1,2}+)?` +
    raw`(?>doğrulama|dogrulama|onay|giriş|giris|güvenlik|guvenlik|tek kullanımlık|aktivasyon)\s(?:kod|şifre))`)();
const OTP_USE = /* @__PURE__ */ (() => raw`(?i)\b(?>use|enter|type|giriniz|girin|kullanın)\s{1,2}+${CODE}${UNIT}`)();
const OTHER_CODES =
  /* @__PURE__ */ (() =>
    raw`(?i)\b(?:error|status|response|hata|http|exit|country|ülke|ulke|posta|postal|zip|area|alan|il|order|sipariş|siparis|` +
    raw`promo|kampanya|coupon|kupon|discount|indirim|ürün|urun|product|return|reason|sonuç|sonuc|işlem|islem|currency|` +
    raw`language|source|bar|qr|plaka|banka|bank|branch|şube|sube|vergi|iade|takip|tracking|referral|referans|result|sms` +
    raw`(?= code=))[ ]$`)();

/** Digits that a sentence calls a code to sign in or confirm with. */
function* oneTimeCodes(text: string): Generator<Found> {
  for (const found of allOf(OTP_AFTER, text)) {
    const label = found.groups!["label"]!;
    const before = label.slice(0, Math.max(label.lastIndexOf(" "), 0));
    if (before && has(OTHER_CODES, `${before} `)) continue;
    const start = found.index + found.groups!["before"]!.length;
    yield [start, start + found.groups!["x"]!.length, "secret"];
  }
  yield* pattern("secret", OTP_BEFORE)(text);
  yield* pattern("secret", OTP_USE)(text);
}

const FILES = /* @__PURE__ */ words(
  "png jpg jpeg gif svg webp avif ico css js mjs ts tsx jsx json map html htm md py mp4 pdf",
);

/** Not the address of a repository, and not a picture for denser screens (`image@2x.png`). */
function isMail(text: string): boolean {
  const at = text.lastIndexOf("@");
  return text.slice(0, at) !== "git" && !FILES.has(text.slice(text.lastIndexOf(".") + 1).toLowerCase());
}

const GAP = /* @__PURE__ */ (() => `[ .${BLANK}/-]`)();
const ORDERS =
  /* @__PURE__ */ (() =>
    raw`(?i)(?>order|sipariş|siparis|invoice|fatura|reference|referans|ref|takip|tracking|ticket|talep|transaction|txn|işlem|` +
    raw`islem|batch|job|build|request|payment|ödeme|odeme|sorgu|barkod|barcode|sku|rows|offset|bytes|seq|pid|epoch|account|` +
    raw`oid|jobid|uid|id)[ #:=_-]{0,3}+(?>number|numarası|numarasi|num|no|nr|id)?+[.: #=]{0,3}+$`)();

/** Numbers without a country code: what stands right behind the word for an order is none. */
function phones(source: string): Finder {
  return function* (text) {
    for (const [start, end, kind] of pattern("phone", source)(text)) {
      const bare = /^\d+$/.test(text.slice(start, end));
      if (!bare || !has(ORDERS, text.slice(Math.max(start - 30, 0), start))) yield [start, end, kind];
    }
  };
}

const NO_PERSON = /* @__PURE__ */ words(
  "customer sir madam user team all valued müşterimiz müşteri musterimiz musteri üyemiz yetkili kullanıcı " +
    "misafirimiz partner seller buyer member colleague friend hiring support sirs ziyaretçi abonemiz satıcı alıcı iş",
);

function isPerson(said: string): boolean {
  const each = said.split(" ").filter(Boolean);
  return !NO_PERSON.has(each[0]!.toLowerCase()) && !NO_PERSON.has(each.at(-1)!.toLowerCase());
}

function isLooseKey(value: string): boolean {
  return !isSaid(value) && value.split("-").length < 4 && value.split("/").length < 4;
}

/** In the order in which they are asked. */
function secretRules(): Rule[] {
  return [
    rule(
      "-----begin",
      pattern(
        "secret",
        raw`-----BEGIN (?:(?!PRIVATE)[A-Z0-9]{1,12}+ ){0,3}+PRIVATE KEY(?: BLOCK)?+-----` +
          raw`(?:[^-]|-(?!----END )){0,3990}+(?:-----END [A-Z0-9 ]{0,40}+-----)?+`,
      ),
    ),
    rule(
      "eyj",
      pattern("secret", raw`eyJ[A-Za-z0-9_-]{6,2000}+\.[A-Za-z0-9_-]{2,2000}+(?:\.[A-Za-z0-9_-]{0,1000}+)?`),
    ),
    rule(
      "cookie",
      pattern(
        "secret",
        raw`(?i)(?<!\w)(?:set-)?+cookie2?+[\"']?+\s{0,3}+[:=]\s{0,3}+[\"']?+(?P<x>[^\s=;,\"']{1,200}+=[^\n\"']{1,3000}+)`,
      ),
    ),
    rule(
      "authorization",
      pattern(
        "secret",
        raw`(?i)(?<!\w)(?:proxy-|x-)?+authorization[\"']?+\s{0,3}+[:=]\s{0,3}+[\"']?+(?:[a-z0-9-]{2,20}+(?:\s{1,2}+|=))?` +
          raw`(?P<x>(?<=digest )[^\n]{6,3000}+|(?<=sha256 )[^\n]{6,3000}+|[^\s\"']{6,3000}+)`,
        isBearer,
      ),
    ),
    ...SERVICES().map(([form, hints = /^[\w-]+/.exec(form)![0].toLowerCase()]) =>
      rule(hints.replace(/ /g, "|"), pattern("secret", `(?<![A-Za-z0-9])${form}`))
    ),
    rule(
      "hooks.slack.com/|discord|webhook.office.com/|/webhook/",
      pattern(
        "secret",
        raw`(?:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/` +
          raw`webhookb2/)(?P<x>[\w@/.-]{10,300}+)`,
      ),
    ),
    rule(
      "bearer",
      pattern(
        "secret",
        raw`(?i)\bbearer[ :=]\s{0,3}[\"']?(?P<x>[A-Za-z0-9._~+/-]{6,2000}+={0,2}+)(?!=)`,
        isBearer,
      ),
    ),
    rule("basic", pattern("secret", raw`(?i)\bbasic\s{1,3}(?P<x>[A-Za-z0-9+/_-]{8,500}+={0,2}+)`, isBasic)),
    rule("://", pattern("secret", AUTHORITY)),
    rule("?|&", pattern("secret", URL_KEYS, (value) => !isSaid(value) && (isRandom(value) || value.length >= 8))),
    rule("code=", pattern("secret", raw`[?&]code=(?=[^&\s]{0,60}\d)(?P<x>[\w%./~-]{16,500}+)`)),
    rule("--", options),
    rule(
      "-u |--user ",
      pattern("secret", raw`(?<!\S)(?:-u|--user)[ =][\"']?[^\s:\"']{1,100}+:(?P<x>[^\s\"']{1,200}+)`),
    ),
    rule(
      "token|key|secret|password|parola|şifre|pwd",
      pattern(
        "secret",
        raw`(?i)\b(?>token|secret|key|password|parola|şifre|pwd)[ ](?P<x>(?=[\w.~+/=-]{0,40}\d)` +
          raw`(?=[\w.~+/=-]{0,40}[A-Za-z])[\w.~+/=-]{20,2000}+)(?![\w:])`,
        isLooseKey,
      ),
    ),
    rule(
      " is | was ",
      pattern(
        "secret",
        raw`(?i)\b(?:password|passphrase|parola|şifre|secret|api[ _-]?key|pin)[ ](?:is|was)[: ]{1,2}[\"']?` +
          raw`(?P<x>[^\s\"']{4,200}+)`,
        (value) => hasDigit(value) && !isSaid(value),
      ),
    ),
    rule(`=|:|>|"|'`, pairs),
    rule(
      "@",
      pattern(
        "email",
        raw`(?<!essage-ID: <)(?<!essage-Id: <)(?<!essage-id: <)[^\s@<>\"'(),:;=\[\]{}|/?&%\\]{1,64}+` +
          raw`@(?:[^\W_][\w-]{0,62}+\.){1,8}(?:xn--[a-z0-9-]{2,40}+|[^\W\d_]{2,24}+)`,
        isMail,
      ),
    ),
    rule(
      "sayın|sayin|dear|mr|ms",
      pattern(
        "person",
        raw`(?<!\w)(?:[Ss]ay[ıi]n|SAYIN|[Dd]ear|M(?:r|rs|s))\.?[ ](?:M(?:r|rs|s)\.?[ ])?+` +
          raw`(?P<x>[^\W\d_a-zçğışöü](?:[\w'’-]|\.(?=\w)){0,40}+(?:[ ][^\W\d_a-zçğışöü][\w'’-]{0,40}+){0,3}+)`,
        isPerson,
      ),
    ),
  ];
}

/** Asked outside of UUIDs only: their digits are nobody's telephone. */
function numberRules(): Rule[] {
  return [
    rule("", as("iban", ibans)),
    rule("", as("card", cards)),
    rule(
      "",
      pattern("identity", raw`(?<![\w.+-])[1-9]\d{2}(?:[ ${BLANK}-]?\d){8}+(?![\w-]|\.\d)`, isTurkishIdentity),
    ),
    rule(
      "passport|pasaport|plate|plaka|licen|ehliyet",
      pattern(
        "identity",
        raw`(?i)\b(?>passport|pasaport|plaka|licen[cs]e plate|number plate|driving licen[cs]e|driver'?s licen[cs]e|` +
          raw`ehliyet)(?:[ ]?(?>number|numarası|numarasi|num|no|nr|#))?+[.:]?+[ ]{0,2}+[:=#]?+[ ]{0,2}+` +
          raw`(?P<x>(?=[A-Z]{0,3}[ ]?\d)[A-Z0-9]{1,12}+(?:[ ](?=[A-Z]{0,3}[ ]?\d)[A-Z0-9]{1,8}+){0,2}+)(?!\w)`,
        (value) => value.length >= 5 && hasDigit(value),
      ),
    ),
    rule("plaka", pattern("identity", raw`(?<!\w)(?P<x>[0-8]\d[ ]?[A-Z]{1,3}[ ]?\d{2,5})(?=[ ]plaka)`)),
    rule(OTP_CONTEXT, oneTimeCodes),
    rule("+|00", pattern("phone", raw`(?<![\w+])(?:\+|00(?=[1-9]))(?:[ ().${BLANK}-]{0,2}+\d){8,15}+(?!\d)`)),
    rule(
      "5",
      phones(
        raw`(?<![\w.+-])(?:90[ ${BLANK}-]?|0[ ${BLANK}-]?)?\(?5\d{2}\)?[ ${BLANK}-]?\d{3}` +
          raw`[ ${BLANK}-]?\d{2}[ ${BLANK}-]?\d{2}(?![\w-]|\.\d)`,
      ),
    ),
    rule("5", phones(raw`(?<![\w.+-])(?:(?:90|0)\.?)?5\d{2}\.\d{3}\.\d{2}\.\d{2}(?![\w.-])`)),
    rule(
      "0",
      phones(
        raw`(?<![\w.+-])(?:90|0)[ ${BLANK}/-]?\(?[2348]\d{2}\)?${GAP}?\d{3}${GAP}?\d{2}${GAP}?\d{2}(?![\w-]|\.\d)`,
      ),
    ),
    rule("(", phones(raw`(?<![\w.+-])\([2348]\d{2}\)${GAP}?\d{3}${GAP}?\d{2}${GAP}?\d{2}(?![\w-])`)),
    rule(
      ` |.|-|${BLANK}|)`,
      pattern(
        "phone",
        raw`(?<![\w.+-])(?:1[ .${BLANK}-])?(?:\(\d{3}\)[ ${BLANK}]?|\d{3}[ .${BLANK}-])\d{3}[ .${BLANK}-]\d{4}(?![\w-])`,
      ),
    ),
    rule(
      "point",
      pattern("location", raw`(?i)\bpoint ?z?\(\s?(?P<x>-?\d{1,3}\.\d{2,17}+\s-?\d{1,3}\.\d{2,17}+)`),
    ),
    rule(
      ".",
      pattern(
        "location",
        raw`(?<![\w.+-])-?\d{1,3}\.\d{4,17}+°?[ ]?[NS]?[ ]?[,;/][ ${BLANK}]?-?\d{1,3}\.\d{4,17}+(?![\w-]|\.\d)`,
        isPlace,
      ),
    ),
    rule(
      ".",
      pattern(
        "ip",
        raw`(?<![\w.-])(?<![A-Za-z]/)(?<!version )(?<!sürüm )(?<!v )` +
          raw`(?P<x>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?![\w-]|\.\d)`,
        isPublicIp,
      ),
    ),
    rule(
      ":",
      pattern(
        "ip",
        raw`(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{6,39}+(?![\w:])`,
        (text) => hasDigit(text) && isPublicIp(text),
      ),
    ),
  ];
}

/** Without any of these no rule finds anything: most texts of most events end here. */
const TELLING =
  /* @__PURE__ */ (() => raw`[\d@=:%\"'<>/]|[^\x00-\x7f]|\w{20}|--|\b[Dd]ear |\bM(?:r|rs|s)\b|\b[Ss]ayin |PushToken`)();
const NUMERIC =
  /* @__PURE__ */ (() =>
    raw`\d(?:[ .()/${BLANK}-]{0,3}+\d){3}|:[0-9a-f]{0,4}+:[0-9a-f]|pas[sa]port|plate|plaka|licen[cs]e|ehliyet`)();
/** A UUID; a commit, a checksum, an id of random bytes: at least four of its characters are letters. */
const ID =
  /* @__PURE__ */ (() =>
    raw`(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-z])(?=(?:\d{0,60}[a-f]){4})[0-9a-f]{24,64}(?![0-9a-z])`)();
const MOST_ROUNDS = 8;
const MOST_REMEMBERED = 4_096;

interface Table {
  rules: Rule[];
  numbers: boolean;
}

/** A value without a digit is none of these, whatever its key (`{ phone: "unreachable" }`). */
const NUMBERED_KINDS = /* @__PURE__ */ words("phone card iban identity location ip");

/** Masks secrets and personal data. `known` are texts that are secret whatever they look like. */
export class Scrubber {
  readonly #known: RegExp | undefined;
  readonly #clean = new Set<string>();
  readonly #secrets: Table = { rules: secretRules(), numbers: false };
  readonly #numbers: Table = { rules: numberRules(), numbers: true };

  constructor(known: Iterable<string> = []) {
    const forms = [
      ...new Set([...known].flatMap((value) => [value, attempted(() => encodeURIComponent(value), value)])),
    ];
    forms.sort((one, other) => other.length - one.length);
    const sources = forms.map((form) => form.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
    this.#known = sources.length ? new RegExp(sources.join("|"), "g") : undefined;
  }

  /** The text with everything masked, at most 2,000 characters. */
  text(text: string): string {
    if (this.#clean.has(text)) return text;
    const masked = shortened(this.#masked(text, [this.#secrets, this.#numbers]));
    if (masked === text && text.length <= 64) {
      if (this.#clean.size >= MOST_REMEMBERED) this.#clean.clear();
      this.#clean.add(text);
    }
    return masked;
  }

  /** The text with what no identifier is masked. Releases and ids are often digits: bare ones stay. */
  identifier(text: string): string {
    const masked = this.#masked(text, [this.#secrets]);
    if (/[\s()]|^(?:tel:)?\+|^05\d{9}$/.test(masked)) return this.text(masked);
    return shortened(replaced(masked, fold(masked), as("iban", ibans)(withoutIds(masked))));
  }

  /** The value with every text and key masked, and with what its key's name gives away. */
  json(value: Json): Json {
    return this.#json(value, "", true);
  }

  #json(value: Json, key: string, byName: boolean): Json {
    if (isObject(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [this.text(name), this.#member(name, item, key, byName)]),
      );
    }
    if (Array.isArray(value)) return value.map((item) => this.#json(item, key, byName));
    if (typeof value === "string") return this.#textUnder(key, value);
    return typeof value !== "number" || endsIn(key, NUMBERED) ? value : this.#number(value);
  }

  #member(key: string, value: Json, parent: string, byName: boolean): Json {
    const kind = byName ? kindOfKey(key, parent) : undefined;
    if (!kind || !isMeant(kind, value)) return this.#json(value, key, byName && !endsIn(key, ABOUT_MEMBERS));
    return `[${kind === NAME_LIKE ? "person" : kind}]`;
  }

  #textUnder(key: string, text: string): string {
    if (!endsIn(key, NUMBERED)) return this.text(text);
    return isMessageId(key, text) ? text : this.identifier(text);
  }

  #number(value: number): Json {
    if (Math.abs(value) < 1e9 || !Number.isInteger(value)) return value;
    const text = String(value);
    const masked = this.text(text);
    return masked === text ? value : masked;
  }

  #masked(text: string, tables: Table[]): string {
    let masked = this.#known ? text.replace(this.#known, "[secret]") : text;
    if (!has(TELLING, masked)) return masked;
    masked = masked.replace(/(\d)[\u00ad\u200b-\u200f\u2060\ufeff]{1,16}(?=\d)/g, "$1");
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const before = masked;
      for (const table of tables) masked = byRules(masked, table);
      if (masked === before) break;
    }
    return masked;
  }
}

function shortened(text: string): string {
  return text.length <= MAX_TEXT ? text : cut(text, MAX_TEXT - CUT.length) + CUT;
}

/** Whether `value` can be what its key says it is. */
function isMeant(kind: string, value: Json): boolean {
  if (value === null || typeof value === "boolean") return false;
  if (typeof value !== "string") return kind !== NAME_LIKE;
  if (isStatus(value)) return false;
  if (kind === NAME_LIKE) return looksLikeAName(value);
  return !NUMBERED_KINDS.has(kind) || hasDigit(value.replace(/[^\0-\x7f]/g, foldedCharacter));
}

function byRules(text: string, table: Table): string {
  let folded = seen(text, table);
  const lowered = folded.text.toLowerCase();
  if (table.numbers && !has(NUMERIC, lowered)) return text;
  for (const { hints, find } of table.rules) {
    if (!hints.some((hint) => lowered.includes(hint))) continue;
    const changed = replaced(text, folded, find(folded.text));
    if (changed !== text) [text, folded] = [changed, seen(changed, table)];
  }
  return text;
}

function seen(text: string, table: Table): Folded {
  const folded = fold(text);
  return table.numbers ? { ...folded, text: withoutIds(folded.text) } : folded;
}

/** The text with an x for each character of an id: the digits of a UUID or a commit are nobody's telephone. */
function withoutIds(text: string): string {
  return text.replace(rx(ID), (id) => "x".repeat(id.length));
}

/** The text with the places found replaced by marks; what is a mark already stays. */
function replaced(text: string, folded: Folded, found: Iterable<Found>): string {
  const places = [...found].sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  if (!places.length) return text;
  const marks = [...text.matchAll(MARK)].map((mark): Span => [mark.index, mark.index + mark[0].length]);
  let out = "";
  let done = 0;
  for (const [start, end, kind] of places) {
    const [first, last] = widened(folded.place(start), folded.place(end), marks);
    if (first < done || !text.slice(first, last).replace(MARK, "").trim()) continue;
    out += `${text.slice(done, first)}[${kind}]`;
    done = last;
  }
  return out + text.slice(done);
}

/** The place with the whole of each mark that it cuts. */
function widened(first: number, last: number, marks: readonly Span[]): Span {
  for (const [start, end] of marks) {
    if (start < first && first < end) first = start;
    if (start < last && last < end) last = end;
  }
  return [first, last];
}

/** The values of a process's environment that are secret by their variable's name, long enough to be sure. */
function secretsOf(environ: Environ): string[] {
  return Object.entries(environ).flatMap(([name, value]) => {
    const sure = value !== undefined && (value.length >= 20 || (value.length >= 10 && hasDigit(value)));
    return sure && kindOfKey(name) === "secret" ? [value] : [];
  });
}

// The other way to mask, for phones and browsers: what is not known to be harmless is left out.

/** Beginnings of words, and whole ones, that name a secret or a person: a key with one is never sent, whoever declares it. */
const PRIVATE =
  "address adi adres adsoyad alici anne author baba bearer belge beneficiary birth boylam buyer card citizen connection contact cookie coord credential customer cv dogum dsn ehliyet email emplo enlem eposta firstname forwarded full geopoint gonderen gsm guest hasta holder house iban ident ip isim ismi jwt kart key kimlik kisi konum koordinat kullanici lastname latitude latl licen lng longitude lonl mahalle member mobile msisdn musteri name national number ogrenci otp owner parola pasaport pass patient pay person phone plaka plate posta pwd receiver recipient remote sahibi salt satici seller seri sifre signature sokak soy ssn street student subscriber surname surucu tax tck tcno telefon telephone totp travel user uye vergi vkn whatsapp yetkili yolcu";
const PRIVATE_WORDS = "ad ip tc tel lat lon lng pan pin sig cep fax dob mail";

/** Read without a look behind, which old engines do not have. */
function isPrivate(key: string): boolean {
  const each = key.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().replace(/[^a-z]+/g, " ").trim();
  if (/(?:^| )(?:codes?|kodu?)$/.test(each)) {
    return !/^(?:(?:error|status|http|response|reason|result|exit) )?code$/.test(each);
  }
  const [begins, is] = [PRIVATE, PRIVATE_WORDS].map((all) => all.replace(/ /g, "|"));
  return new RegExp(`(?:^| )(?:${begins}|(?:${is})(?: |$))|password|secret|token|apikey`).test(each);
}

/** A word of a program: lower case, upper case, or both as in `NetworkError`; few digits before and behind. */
const WORD_OF_CODE =
  /^(?:[A-Za-z\d]{1,8}|\d{0,3}(?:[a-z]{1,15}|[A-Z]{1,15}|[A-Z]{0,4}[a-z]{2,15}(?:[A-Z]{1,4}[a-z]{2,15}){1,5})\d{0,5})$/;
/** A UUID, a commit, a trace, a ULID, a fingerprint. */
const ID_OF_CODE =
  /^(?:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|(?:\d\d-)?(?=(?:\d{0,60}[a-f]){4})[\da-f]{12,64}(?:-[\da-f]{16}-\d\d)?|0[1-7][\dA-HJKMNP-TV-Z]{24}|fp:[a-z2-7]{8})$/;

/** How services' keys begin, of which made up ones may look like words; a code to sign in with (`otp-4829`). */
const LIKE_A_SECRET = /^(?:sb|[sprt]k|xox\w|xapp|whsec|re|key)[_.-]|(?:kod|code|otp|pin|pass|parola|sifre).*\d{4}/i;

function isMadeOfWords(text: string, between: RegExp, digits: number): boolean {
  const few = text.length <= 64 && text.replace(/\D/g, "").length <= digits;
  return few && !LIKE_A_SECRET.test(text) && text.split(between).every((part) => WORD_OF_CODE.test(part));
}

/** `card_declined`, `PGRST301`, `auth/network-request-failed`: no sentence, and no number that could be somebody's. */
function isCode(text: string): boolean {
  return isMadeOfWords(text, /[_./-]/, 5);
}

/** A release (`app@1.4.0-beta.2+215`; what else stands behind an `@` may be a mail's host), or an id. */
function isIdentifier(text: string): boolean {
  return ID_OF_CODE.test(text) ||
    isMadeOfWords(text, /[_./+-]|@(?=\d+(?:\.\d+)*(?:-[a-z]+\.?\d*)?(?:\+\d+)?$)/, 12);
}

/** Masks by leaving out: what is not known to be harmless does not leave. */
export class AllowList implements Masking {
  readonly #keys: Set<string>;
  #leftOut = 0;

  constructor(keys: Iterable<string> = []) {
    this.#keys = new Set([...keys].filter((key) => isCode(key) && !isPrivate(key)));
  }

  text(text: string): string | null {
    return isCode(text) ? text : null;
  }

  identifier(text: string): string | null {
    return isIdentifier(text) ? text : null;
  }

  json(value: Json): Json {
    this.#leftOut = 0;
    const found = this.#allowed(value);
    if (this.#leftOut && found && isObject(found)) found["left_out"] = this.#leftOut;
    return found ?? null;
  }

  #allowed(value: Json, key = ""): Json | undefined {
    const left = (): undefined => void this.#leftOut++;
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "number") return /^-?\d{1,5}(?:\.\d{1,3})?$/.test(String(value)) ? value : left();
    if (typeof value === "string") return (KNOWN.has(key) ? isIdentifier(value) : isCode(value)) ? value : left();
    if (Array.isArray(value)) return value.map((item) => this.#allowed(item, key)).filter((item) => item !== undefined);
    const members: [string, Json][] = [];
    for (const [name, item] of Object.entries(value)) {
      const isSent = this.#keys.has(name) || KNOWN.has(name) || (key === SECRET_VERSION && isCode(name));
      const found = isSent ? this.#allowed(item, KNOWN.has(name) ? name : key) : left();
      if (found !== undefined) members.push([name, found]);
    }
    return Object.fromEntries(members);
  }
}

const SECRET_VERSION = "secret_version";
/** Members that releaseguard reads. */
const KNOWN = /* @__PURE__ */ words(`${SECRET_VERSION} deployment_id`);
