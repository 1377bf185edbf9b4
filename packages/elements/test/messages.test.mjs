// The messages of each language beside the English ones: none is missing, each with its placeholders
// and with the forms that the language has for the numbers in it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import ts from "typescript";

const FOLDER = new URL("../src/messages/", import.meta.url);

const messagesIn = async (language) => {
  const source = readFileSync(new URL(`${language}.ts`, FOLDER), "utf8");
  const script = ts.transpile(source, { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext });
  return (await import(`data:text/javascript,${encodeURIComponent(script)}`)).default;
};

const formsOf = (text) => (typeof text === "string" ? { other: text } : text);
const placeholdersOf = (text) =>
  [...new Set(Object.values(formsOf(text)).flatMap((form) => form.match(/\{\w+\}/g) ?? []))].sort();

/** The forms of `language`, each with how many of the numbers from 1 to 1000 have it. */
const numbersByForm = (language) => {
  const rules = new Intl.PluralRules(language);
  const numbers = {};
  for (let count = 1; count <= 1000; count++) {
    const form = rules.select(count);
    numbers[form] = (numbers[form] ?? 0) + 1;
  }
  return numbers;
};

const english = await messagesIn("en");
const languages = readdirSync(FOLDER).map((name) => name.replace(".ts", ""));

for (const language of languages) {
  const messages = await messagesIn(language);
  const numbers = numbersByForm(language);

  test(`${language} lacks no message, and has none of its own`, () => {
    assert.deepEqual(Object.keys(messages).sort(), Object.keys(english).sort());
    const empty = Object.keys(messages).filter((key) =>
      Object.values(formsOf(messages[key])).some((form) => form.trim() === ""),
    );
    assert.deepEqual(empty, []);
  });

  test(`${language} has the placeholders of each`, () => {
    for (const [key, text] of Object.entries(messages)) {
      const wanted = placeholdersOf(english[key]);
      assert.deepEqual(placeholdersOf(text), wanted, key);
      for (const [form, words] of Object.entries(formsOf(text))) {
        // "One device" says the number by itself, if the form stands for no other.
        const mayLack = typeof text !== "string" && numbers[form] === 1 ? ["{count}"] : [];
        const lacks = wanted.filter((it) => !words.includes(it) && !mayLack.includes(it));
        assert.deepEqual(lacks, [], `${key}, ${form}`);
      }
    }
  });

  test(`${language} has every form of each that goes by a number`, () => {
    for (const [key, text] of Object.entries(messages)) {
      if (typeof text === "string") continue;
      assert.deepEqual(Object.keys(text).sort(), Object.keys(numbers).sort(), key);
    }
  });
}
