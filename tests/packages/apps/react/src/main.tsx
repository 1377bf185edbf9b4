import "@device-bff/elements/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

const given = new URLSearchParams(location.search);
document.documentElement.lang = given.get("lang") ?? "en";

function Account() {
  return (
    <your-devices
      base-url={import.meta.env.VITE_DEVICE_BFF_URL}
      getAccessToken={() => given.get("token")}
      onchanged={({ detail }) => {
        document.title = `${detail.change}: ${detail.ids.length}`;
      }}
      onsession-ended={() => {
        document.title = "signed out";
      }}
    />
  );
}

createRoot(document.getElementById("app")!).render(
  <StrictMode>
    <Account />
  </StrictMode>,
);
