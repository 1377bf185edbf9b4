/**
 * `<your-devices>`, and its halves `<device-list>` and `<session-list>`: custom elements that show
 * a user's devices and sessions by Device BFF. See the README.
 */
import { createDeviceBff, type Challenge, type DeviceBff, type DeviceBffOptions } from "@device-bff/client";
import { render } from "preact";
import { chosen, wordsIn, type Messages, type Words } from "./i18n.js";
import { subOf } from "./kept.js";
import { Language } from "./parts.js";
import css from "./styles.css?inline";
import type { Events, Reauthenticate, View } from "./types.js";
import { YourDevices, type Tell } from "./YourDevices.js";

export type { Messages } from "./i18n.js";
export type { Change, Changed, Events, Reauthenticate, ReportedProblem } from "./types.js";

const PROPERTIES = ["getAccessToken", "client", "messages"] as const;
/** Where the service is that this script comes from. */
const SERVICE = /^(.*)\/elements\/\d[^/]*\/[^/]+$/.exec(import.meta.url.split(/[?#]/)[0] ?? "")?.[1];

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

type AllEvents = HTMLElementEventMap & Events;

interface BffElement {
  addEventListener<Type extends keyof AllEvents>(
    type: Type,
    listener: (event: AllEvents[Type]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

/**
 * Attributes: `base-url` (the service; left out, where the script comes from), `lang`,
 * `change-password-url`. Events: `Events`.
 */
abstract class BffElement extends HTMLElement {
  static observedAttributes = ["base-url", "lang", "change-password-url"];

  abstract readonly view: View;
  readonly #root = this.attachShadow({ mode: "open" });
  #getAccessToken: DeviceBffOptions["getAccessToken"] | null = null;
  #client: DeviceBff | null = null;
  #made: DeviceBff | null = null;
  #messages: Partial<Messages> = {};
  #words: Words | null = null;
  #wanted = "";

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
  }

  /** Gives the access token of the user; `forceRefresh`: a new one. Null: nobody is signed in. */
  get getAccessToken() {
    return this.#getAccessToken;
  }
  set getAccessToken(given) {
    this.#getAccessToken = given;
    this.#made = null;
    this.#render();
  }

  /** A client of the page's own, in place of `getAccessToken`. */
  get client() {
    return this.#client;
  }
  set client(given: DeviceBff | null) {
    this.#client = given;
    this.#render();
  }

  /** Texts of the page's own, by key. */
  get messages() {
    return this.#messages;
  }
  set messages(given: Partial<Messages>) {
    this.#messages = given;
    this.#wanted = "";
    void this.#chooseLanguage();
  }

  connectedCallback(): void {
    for (const name of PROPERTIES) this.#upgrade(name);
    addEventListener("hashchange", this.#onHash);
    void this.#chooseLanguage();
  }

  disconnectedCallback(): void {
    removeEventListener("hashchange", this.#onHash);
    render(null, this.#root);
  }

  attributeChangedCallback(name: string): void {
    if (name === "base-url") this.#made = null;
    if (name === "lang") void this.#chooseLanguage();
    else this.#render();
  }

  /** A property that was set before this script had come. */
  #upgrade(name: (typeof PROPERTIES)[number]): void {
    if (!Object.hasOwn(this, name)) return;
    const value = this[name];
    delete this[name];
    Object.assign(this, { [name]: value });
  }

  async #chooseLanguage(): Promise<void> {
    if (!this.isConnected) return;
    const around = this.closest("[lang]")?.getAttribute("lang") ?? "";
    const wanted = chosen([around, document.documentElement.lang, ...navigator.languages].filter(Boolean));
    if (wanted === this.#wanted) return this.#render();
    this.#wanted = wanted;
    const words = await wordsIn(wanted, this.#messages);
    if (wanted !== this.#wanted) return; // another one was chosen meanwhile
    this.#words = words;
    this.#render();
  }

  /** The client, once there is something to make it of. */
  #bff(): DeviceBff | null {
    if (this.#client) return this.#client;
    const baseUrl = this.getAttribute("base-url") ?? SERVICE;
    if (!this.#getAccessToken || baseUrl === undefined) return null;
    this.#made ??= createDeviceBff({
      baseUrl: baseUrl.replace(/\/$/, ""),
      getAccessToken: this.#getAccessToken,
      onReauthenticate: (challenge) => this.#reauthenticate(challenge),
    });
    return this.#made;
  }

  async #reauthenticate(challenge: Challenge): Promise<boolean> {
    let signedIn: Promise<boolean | void> = Promise.resolve(false);
    const detail: Reauthenticate = {
      ...challenge,
      waitUntil: (promise) => (signedIn = promise),
    };
    this.#dispatch("reauthenticate", detail);
    return (await signedIn) !== false;
  }

  #dispatch<Type extends keyof Events>(name: Type, detail: Events[Type]["detail"]): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  readonly #tell: Tell = {
    ended: () => this.#dispatch("session-ended", null),
    changed: (change, ids) => this.#dispatch("changed", { change, ids }),
    problem: ({ code, requestId, outcome }) =>
      this.#dispatch("problem", { code, requestId, outcome }),
  };

  readonly #onHash = () => this.#render();

  readonly #sub = async (): Promise<string | null> =>
    subOf(await this.#getAccessToken?.({ forceRefresh: false }));

  #render(): void {
    const bff = this.#bff();
    if (!this.isConnected || !bff || !this.#words) return;
    render(
      <Language.Provider value={this.#words}>
        <YourDevices
          bff={bff}
          view={this.view}
          sub={this.#sub}
          changePasswordUrl={this.getAttribute("change-password-url")}
          target={targetOf(location.hash)}
          tell={this.#tell}
        />
      </Language.Provider>,
      this.#root,
    );
  }
}

/** The id in `#device=…` or `#session=…`, as a mail links to it. */
const targetOf = (hash: string): string | null =>
  new URLSearchParams(hash.slice(1)).get("device") ?? new URLSearchParams(hash.slice(1)).get("session");

export class YourDevicesElement extends BffElement {
  readonly view = "all";
}
export class DeviceListElement extends BffElement {
  readonly view = "devices";
}
export class SessionListElement extends BffElement {
  readonly view = "sessions";
}

declare global {
  interface HTMLElementTagNameMap {
    "your-devices": YourDevicesElement;
    "device-list": DeviceListElement;
    "session-list": SessionListElement;
  }
}

const ELEMENTS = {
  "your-devices": YourDevicesElement,
  "device-list": DeviceListElement,
  "session-list": SessionListElement,
};
for (const [name, element] of Object.entries(ELEMENTS)) {
  if (!customElements.get(name)) customElements.define(name, element);
}
