import { render } from "preact";
import { loadConfig } from "./config";
import { App } from "./ui/App";
import "@device-bff/elements";
import "./page.css";

const root = document.getElementById("app")!;
try {
  render(<App config={await loadConfig()} />, root);
} catch (error) {
  console.error(error);
  render(
    <main class="narrow">
      <div class="card sign-in" role="alert">
        <h1>This page is not set up</h1>
        <p>
          It needs a <code>/config.json</code> beside it. Its README says what goes into it.
        </p>
      </div>
    </main>,
    root,
  );
}
