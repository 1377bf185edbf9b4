// Compiled in the browser, where Angular's own tools would compile it before: they check its types.
import "@angular/compiler";
import { Component, CUSTOM_ELEMENTS_SCHEMA, provideZonelessChangeDetection } from "@angular/core";
import { bootstrapApplication } from "@angular/platform-browser";
import type { Changed } from "@device-bff/elements";
import "@device-bff/elements";

const given = new URLSearchParams(location.search);
document.documentElement.lang = given.get("lang") ?? "en";

@Component({
  selector: "app-account",
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `
    <your-devices
      [attr.base-url]="service"
      [getAccessToken]="getAccessToken"
      (changed)="onChanged($event)"
      (session-ended)="toSignIn()"
    ></your-devices>
  `,
})
class Account {
  readonly service = import.meta.env.VITE_DEVICE_BFF_URL;
  readonly getAccessToken = () => given.get("token");

  onChanged({ detail }: CustomEvent<Changed>) {
    document.title = `${detail.change}: ${detail.ids.length}`;
  }

  toSignIn() {
    document.title = "signed out";
  }
}

await bootstrapApplication(Account, { providers: [provideZonelessChangeDetection()] });
