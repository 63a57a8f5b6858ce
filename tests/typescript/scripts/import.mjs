// What importing the writer does to its surroundings: it is to be nothing.
import process from "node:process";

const done = [];
for (const [place, name] of [[globalThis, "RegExp"], [globalThis, "setTimeout"], [globalThis, "fetch"], [globalThis, "addEventListener"], [process, "on"]]) {
  const usual = place[name];
  place[name] = function (...given) {
    done.push(name);
    return new.target ? Reflect.construct(usual, given) : usual?.apply(this, given);
  };
}
const before = Object.keys(globalThis).length;
const writer = await import(process.argv[2]);
console.log(JSON.stringify({ done, globals: Object.keys(globalThis).length - before, exports: Object.keys(writer).sort() }));
process.exit(0);
