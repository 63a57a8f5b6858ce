// Each line of a file, a JSON value, as the scrubber leaves it.
import { readFileSync } from "node:fs";
import process from "node:process";

const { Scrubber } = await import(process.argv[2]);
const scrubber = new Scrubber();
const lines = readFileSync(process.argv[3], "utf8").split("\n").filter(Boolean).map(JSON.parse);
const scrubbed = lines.map((value) => (typeof value === "string" ? scrubber.text(value) : scrubber.json(value)));
process.stdout.write(scrubbed.map((value) => JSON.stringify(value)).join("\n"));
