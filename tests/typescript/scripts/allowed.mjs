// What a client's log would send of details and texts where every key is declared, and what of it the other would mask.
import { readFileSync } from "node:fs";
import process from "node:process";

const { AllowList, Scrubber } = await import(process.argv[2]);
const [details, texts] = JSON.parse(readFileSync(process.argv[3], "utf8"));
const keysOf = (value) =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([key, item]) => [key, ...keysOf(item)]);
const list = new AllowList(details.flatMap(keysOf));
const scrubber = new Scrubber();
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

const sent = details.map((detail) => list.json(detail));
const differ = sent.filter((detail) => !same(scrubber.json(detail), detail));
const kept = texts.filter((text) => list.text(text) !== null);
differ.push(...kept.filter((text) => scrubber.text(text) !== text));
differ.push(...texts.filter((text) => list.identifier(text) !== null && scrubber.identifier(text) !== text));
console.log(JSON.stringify([sent, kept, differ]));
