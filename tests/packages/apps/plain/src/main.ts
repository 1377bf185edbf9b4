// With a client of the page's own.
import { createDeviceBff } from "@device-bff/client";
import "@device-bff/elements";

const given = new URLSearchParams(location.search);

const element = document.querySelector("your-devices")!;
element.lang = given.get("lang") ?? "en";
element.client = createDeviceBff({
  baseUrl: import.meta.env.VITE_DEVICE_BFF_URL,
  getAccessToken: () => given.get("token"),
});
element.addEventListener("changed", ({ detail }) => {
  document.title = `${detail.change}: ${detail.ids.length}`;
});
element.addEventListener("session-ended", () => {
  document.title = "signed out";
});
