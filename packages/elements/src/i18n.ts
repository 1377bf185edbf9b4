/** Words, dates and numbers in the user's language. */
import en, { type Messages, type Text } from "./messages/en.js";

export type { Messages } from "./messages/en.js";
export type Key = keyof Messages;
/** The languages with a file of their own, which is fetched when it is needed. */
const LANGUAGES: Record<string, () => Promise<{ default: Messages | Text[] }>> = {
  ar: () => import("./messages/ar.js"),
  de: () => import("./messages/de.js"),
  es: () => import("./messages/es.js"),
  fr: () => import("./messages/fr.js"),
  ja: () => import("./messages/ja.js"),
};

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

export interface Words {
  /** As `de` or `pt-BR`, for `lang` and `Intl`. */
  language: string;
  direction: "ltr" | "rtl";
  /** The text of `key`. `count` picks its form, and is written as the language writes numbers. */
  say(key: Key, values?: Record<string, string | number>): string;
  has(key: string): key is Key;
  date(at: string): string;
  exact(at: string): string;
  ago(at: string): string;
}

/** What `wanted`, the page or the browser asks for, as far as there are words for it. */
export function chosen(wanted: readonly string[]): string {
  for (const tag of wanted) {
    const [language] = tag.toLowerCase().split("-");
    if (language === "en" || Object.hasOwn(LANGUAGES, language ?? "")) return tag;
  }
  return "en";
}

/** `own`: texts of the page that go before ours. Where a language cannot be fetched: English. */
export async function wordsIn(tag: string, own: Partial<Messages> = {}): Promise<Words> {
  const [language = "en"] = tag.toLowerCase().split("-");
  try {
    const texts = (await LANGUAGES[language]?.())?.default;
    return words(tag, { ...en, ...(Array.isArray(texts) ? inOrder(texts) : texts), ...own });
  } catch {
    return words("en", { ...en, ...own });
  }
}

/** As the build has a language: its texts in the order of English's keys. */
const inOrder = (texts: Text[]): Messages =>
  Object.fromEntries(Object.keys(en).map((key, index) => [key, texts[index]])) as Messages;

function words(language: string, texts: Messages): Words {
  const numbers = new Intl.NumberFormat(language);
  const plurals = new Intl.PluralRules(language);
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });
  const form = (text: Text, count: number): string =>
    typeof text === "string" ? text : (text[plurals.select(count)] ?? text.other ?? "");
  return {
    language,
    direction: language.startsWith("ar") ? "rtl" : "ltr",
    has: (key): key is Key => key in texts,
    say: (key, values = {}) =>
      form(texts[key], Number(values.count ?? 0)).replace(/\{(\w+)\}/g, (hole, name: string) => {
        const value = values[name];
        if (value === undefined) return hole;
        if (typeof value === "number") return numbers.format(value);
        // Isolated, so that a name in another direction leaves the sentence as it is.
        return name === "name" ? `\u2068${value}\u2069` : value;
      }),
    date: (at) => day.format(new Date(at)),
    exact: (at) => exact.format(new Date(at)),
    ago: (at) => {
      const seconds = (Date.parse(at) - Date.now()) / 1000;
      for (const [unit, length] of UNITS) {
        if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
      }
      return form(texts.justNow, 0); // a clock that is slightly off must not show the future
    },
  };
}
