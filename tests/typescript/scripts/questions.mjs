// What @supabase/postgrest-js makes of the answers to each question: its module and the project's address and keys come in.
import process from "node:process";

const [, , module, url, key, anon, jwt] = process.argv;
const { PostgrestClient } = await import(module);
const as = (apikey, token = apikey) =>
  new PostgrestClient(`${url}/rest/v1`, { headers: { apikey, authorization: `Bearer ${token}` } });
const db = as(key);
const uses = () => db.from("uses");

const questions = {
  "insert with unlike keys": () => uses().insert([{ id: 1, name: "a", detail: { x: "1" } }, { id: 2, size: 7 }]).select(),
  "insert with defaults for what is missing": () =>
    uses().insert([{ id: 3, size: 1 }, { id: 4, name: "d" }], { defaultToNull: false }).select("id,name,size"),
  "insert the same again": () => uses().insert({ id: 1 }),
  "upsert": () => uses().upsert([{ id: 1, name: "A" }, { id: 5, name: "e" }]).select("id,name"),
  "upsert that ignores": () => uses().upsert({ id: 1, name: "B" }, { ignoreDuplicates: true }).select(),
  "upsert by another column": () => uses().upsert({ id: 9, name: "e", size: 5 }, { onConflict: "name" }).select("id,size"),
  "read everything in an order": () => uses().select("id,name").order("name", { ascending: false, nullsFirst: true }).order("id"),
  "nulls last": () => uses().select("id").order("size", { nullsFirst: false }).order("id"),
  "one row": () => uses().select("id").eq("id", 2).single(),
  "one row of none": () => uses().select("id").eq("id", 77).single(),
  "one row of many": () => uses().select("id").single(),
  "perhaps one row": () => uses().select("id").eq("id", 77).maybeSingle(),
  "count without rows": () => uses().select("*", { count: "exact", head: true }),
  "a page and the count": () => uses().select("id", { count: "exact" }).order("id").range(1, 2),
  "a page beyond the end": () => uses().select("id", { count: "exact" }).range(50, 60),
  "paths into JSON": () => uses().select("id,detail->>x,inner:detail->x").eq("detail->>x", "1"),
  "what contains": () => uses().select("id").contains("detail", { x: "1" }),
  "or and not": () => uses().select("id").or('id.eq.2,and(name.eq."A",not.size.gt.3)').order("id"),
  "in a list with commas": () => uses().select("id").in("name", ["A", "x,y"]),
  "a value with brackets": () => uses().select("id").eq("name", "(a,b)"),
  "like": () => uses().select("id").like("name", "A%"),
  "not null": () => uses().select("id").not("size", "is", null).order("id"),
  "csv": () => uses().select("id,name").order("id").limit(2).csv(),
  "change": () => uses().update({ size: 70 }).eq("id", 2).select("id,size"),
  "change without rows": () => uses().update({ size: 71 }).eq("id", 2),
  "change nothing": () => uses().update({ size: 70 }).eq("id", 77).select().single(),
  "delete": () => uses().delete({ count: "exact" }).eq("id", 4),
  "a column that is not there": () => uses().select("mood"),
  "inserting a column that is not there": () => uses().insert({ id: 20, mood: "sunny" }),
  "a table that is not there": () => db.from("moods").select(),
  "a function": () => db.rpc("add", { a: 1, b: 2 }),
  "a function by GET": () => db.rpc("add", { a: 1, b: 2 }, { get: true }),
  "a function with a default": () => db.rpc("add", { a: 1 }),
  "a function of rows": () => db.rpc("numbers", { upto: 5 }).select("n").gt("n", 2).order("n", { ascending: false }),
  "a function of nothing": () => db.rpc("nothing"),
  "a function of JSON": () => db.rpc("echo", { said: [{ a: 1 }] }),
  "a function that is not there": () => db.rpc("add", { c: 1 }),
  "a function's own status": () => db.rpc("teapot"),
  "the public key": () => as(anon).from("uses").select(),
  "a user": () => as(anon, jwt).rpc("who"),
  "a key that is none": () => as("other").from("uses").select(),
  "a token that is none": () => as(key, "other").from("uses").select(),
};

for (const [name, ask] of Object.entries(questions)) {
  const { data, error, count, status } = await ask();
  console.log(JSON.stringify({ name, data, code: error && error.code, count, status }));
}
