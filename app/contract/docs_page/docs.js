// Starts Swagger UI, shows who is signed in, and signs the demo user in where the page offers it.
"use strict";

const TOKEN = "accessToken"; // the security scheme's name in the contract

// Swagger UI's own dark theme, when the browser's is dark.
const dark = matchMedia("(prefers-color-scheme: dark)");
const setTheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", setTheme);
setTheme();

// What Swagger UI does not offer as a setting.
const OurPlugin = ({ React }) => {
  const element = React.createElement;
  return {
    statePlugins: {
      // Resolving references takes a second, also for the padlocks alone: the calls are painted first.
      spec: {
        wrapActions: {
          requestResolvedSubtree: (original) => (path) => {
            requestAnimationFrame(() => setTimeout(() => original(path)));
          },
        },
      },
      // "Bearer " is often copied with the token.
      auth: {
        wrapActions: {
          authorize: (original) => ({ [TOKEN]: given, ...others }) => {
            const value = given.value.replace(/^\s*Bearer\s+/i, "").trim();
            return original({ ...others, [TOKEN]: { ...given, value } });
          },
        },
      },
    },
    fn: {
      // By tag, path or operation id.
      opsFilter: (tags, text) => {
        const phrase = text.trim().toLowerCase();
        const has = (value) => value.toLowerCase().includes(phrase);
        const matches = (it) => has(it.get("path")) || has(it.getIn(["operation", "operationId"]));
        return tags
          .map((tag, name) => (has(name) ? tag : tag.update("operations", (all) => all.filter(matches))))
          .filter((tag) => tag.get("operations").size > 0);
      },
    },
    wrapComponents: {
      // The introduction is long, and read once.
      InfoContainer: (Original, system) => (props) =>
        element(
          "details",
          { className: "wrapper introduction" },
          element("summary", null, element("b", null, "Introduction "), system.specSelectors.info().get("summary")),
          element(Original, props),
        ),
      // A problem is what its description says; its example is there for those who ask.
      response: (Original, system) => (props) => {
        const [open, setOpen] = React.useState(false);
        const { code, response } = props;
        if (!/^[45]/.test(code) || open) return element(Original, props);
        const named = { className: "btn show-example", "aria-label": `Example of ${code}` };
        const button = element("button", { ...named, onClick: () => setOpen(true) }, "Example");
        const text = element(system.getComponent("Markdown", true), { source: response.get("description") });
        return element(
          "tr",
          { className: "response folded", "data-code": code },
          element("td", { className: "response-col_status" }, code),
          element("td", { className: "response-col_description" }, text),
          element("td", null, button),
        );
      },
      // What is required must be chosen: Swagger UI takes the first of several values, unless it
      // finds an empty one.
      Select: (Original) => (props) => element(Original, { ...props, allowEmptyValue: true }),
      parameterRow: (Original, system) => (props) => {
        const { pathMethod, rawParam, onChange } = props;
        React.useLayoutEffect(() => {
          const parameter = system.specSelectors.parameterWithMetaByIdentity(pathMethod, rawParam);
          if (parameter.get("value") === undefined) onChange(rawParam, null, false);
        }, []);
        return element(Original, props);
      },
    },
  };
};

const root = document.getElementById("swagger-ui");
const ui = SwaggerUIBundle({
  domNode: root,
  url: root.dataset.contract,
  plugins: [OurPlugin],
  deepLinking: true,
  filter: true,
  tryItOutEnabled: true,
  persistAuthorization: false, // a token does not outlive the page
  displayOperationId: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  validatorUrl: null, // Swagger's own would be told of this server
  onComplete: () => {
    const filter = root.querySelector(".operation-filter-input");
    filter.placeholder = "Filter by tag, path or operation id";
    filter.setAttribute("aria-label", filter.placeholder);
  },
  responseInterceptor: (response) => {
    const { pathname } = new URL(response.url, location);
    if (pathname.endsWith("/devices/sign-out") && response.status === 204) {
      ui.authActions.logout([TOKEN]);
      show("Signed out everywhere");
    } else if (response.status === 401 && token()) {
      show(`${user(token())}’s token is not accepted any more`, "failed");
    }
    return response;
  },
});

const state = document.querySelector(".state");
const show = (text, kind = "") => {
  state.textContent = text;
  state.className = `state ${kind}`;
};

/** What an access token says; nothing, if it is none. */
const claims = (jwt) => {
  try {
    return JSON.parse(atob(jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return {};
  }
};
const user = (jwt) => claims(jwt).username ?? "somebody";
const token = () => ui.authSelectors.authorized().getIn([TOKEN, "value"]);

// By a button of the bar, or by a token that was pasted into "Authorize".
let shown;
ui.getStore().subscribe(() => {
  const now = token();
  if (now === shown) return;
  shown = now;
  if (!now) return show("Not signed in");
  show(`Signed in as ${user(now)}`, "good");
  const key = claims(now).device_key; // a device that exists, unlike the contract's example
  for (const method of key ? ["get", "patch", "delete"] : [])
    ui.specActions.changeParam(["/devices/{id}", method], "id", "path", key);
});

/** Signs the demo user in, as the local Cognito does; on a new device, trackDevice is filled in. */
const signIn = async ({ target: button }) => {
  const onNewDevice = button.id === "new-device";
  button.disabled = true;
  try {
    const wanted = onNewDevice ? { track: false } : { device_name: "Swagger UI" };
    const answer = await fetch(button.dataset.url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username: "demo", ...wanted }),
    });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const { access_token, device_key: deviceKey, device_group_key: deviceGroupKey } = await answer.json();
    ui.preauthorizeApiKey(TOKEN, access_token);
    if (!onNewDevice) return;
    const value = JSON.stringify({ deviceKey, name: "Swagger UI", deviceGroupKey }, null, 2);
    const pathMethod = ["/devices", "post"];
    ui.oas3Actions.setRetainRequestBodyValueFlag({ value: true, pathMethod }); // when it is unfolded
    ui.oas3Actions.setRequestBodyValue({ value, pathMethod });
    show(`${state.textContent} on a new device: trackDevice is filled in`, "good");
  } catch (error) {
    show(`Sign-in failed: ${error.message}`, "failed");
  } finally {
    button.disabled = false;
  }
};
for (const button of document.querySelectorAll("button[data-url]"))
  button.addEventListener("click", signIn);
