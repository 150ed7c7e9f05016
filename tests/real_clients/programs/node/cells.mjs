// What the programs of Node clients have in common: where FreeAI is, what to ask, and how to tell what came of it.
// A program prints one line of JSON for its version, and one for each cell that it fills.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const URL = process.env.FREEAI_URL;
export const KEY = process.env.FREEAI_KEY;
const NAME = process.env.FREEAI_CLIENT;
const PROVIDERS = process.env.FREEAI_PROVIDERS.split(",");
const MOST_WORDS = 300;

export const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const CITY = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
export const ROME = '{"city": "Rome"}';
export const DECLARED = [
  ["get_weather", "Weather of a city"],
  ["get_forecast", "Forecast for a city"],
];
// What `parallel_tools` calls where these two are declared, in this order.
export const CALLS = [
  ["get_weather", { city: "Rome" }],
  ["get_forecast", { city: "Oslo" }],
];
export const WRONG_KEY = `fai_${"x".repeat(43)}`;

const versionOf = (name) => JSON.parse(readFileSync(`${import.meta.dirname}/node_modules/${name}/package.json`)).version;
const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);

// Fill the cells. Each gets what names a model: of a behaviour of the fakes, at one provider after the other.
export async function run(packages, cells) {
  say({ version: packages.map(versionOf).join(", ") });
  for (const [name, cell] of Object.entries(cells)) {
    let told = { cell: name, ok: true, words: "" };
    for (const provider of PROVIDERS) {
      try {
        await cell((behaviour) => `${provider}/${behaviour}`);
      } catch (error) {
        told = { cell: name, ok: false, words: `${provider}: ${error.name}: ${error.message}`.slice(0, MOST_WORDS) };
        break;
      }
    }
    say(told);
  }
  process.exit(0);
}

// A model that fails once, for this client alone.
export const flaky = (model) => model(`${NAME}@flaky_1`);

// Fails where no error of this class, or this status, is thrown.
export async function throwing(what, asked) {
  const fits = typeof what === "number" ? (error) => [error.status, error.statusCode, error.status_code].includes(what) : (error) => error instanceof what;
  await assert.rejects(asked, (error) => {
    assert.ok(fits(error), `not ${what.name ?? what}, but ${error.name}: ${error.message}`);
    return true;
  });
}

export async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

export { assert };
