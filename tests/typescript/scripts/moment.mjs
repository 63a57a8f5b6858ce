// A process of a moment: it logs what a file says, and comes to its end.
import { readFileSync } from "node:fs";
import process from "node:process";

const { logIntegrationEvent, withIntegrationLog } = await import(process.argv[2]);
for (const event of JSON.parse(readFileSync(process.argv[3], "utf8"))) logIntegrationEvent(event);
const names = { success: "openai_completion_ok", error: "openai_error" };
await withIntegrationLog("openai", names, () => new Response("", { status: 401 }));
