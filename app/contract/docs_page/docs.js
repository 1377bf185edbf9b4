// Starts Swagger UI, shows who is signed in, and signs the demo user in where the page offers it.
"use strict";

const ACCESS_TOKEN = "accessToken"; // the security scheme's name in the contract

// The page's theme follows the browser's.
const dark = matchMedia("(prefers-color-scheme: dark)");
const setTheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", setTheme);
setTheme();

const matches = (operation, phrase) =>
  [operation.get("path"), operation.getIn(["operation", "operationId"])].some((text) =>
    String(text).toLowerCase().includes(phrase),
  );

// What Swagger UI does not offer as a setting.
const OurPlugin = ({ React }) => {
  const element = React.createElement;
  return {
    statePlugins: {
      spec: {
        wrapActions: {
          // Resolving references takes a second of the main thread, also for the padlocks alone:
          // the calls are painted before.
          requestResolvedSubtree: (original) => (path) => {
            requestAnimationFrame(() => setTimeout(() => original(path)));
          },
        },
      },
    },
    fn: {
      // By tag, path or operation id.
      opsFilter: (tags, text) => {
        const phrase = text.trim().toLowerCase();
        return tags
          .map((tag, name) =>
            name.toLowerCase().includes(phrase)
              ? tag
              : tag.update("operations", (all) => all.filter((it) => matches(it, phrase))),
          )
          .filter((tag) => tag.get("operations").size > 0);
      },
    },
    wrapComponents: {
      // The introduction is long, and read once.
      InfoContainer: (Original, system) => (props) =>
        element(
          "details",
          { className: "wrapper introduction" },
          element(
            "summary",
            null,
            element("b", null, "Introduction"),
            ` ${system.specSelectors.info().get("summary") ?? ""}`,
          ),
          element(Original, props),
        ),
      // A problem is what its description says; its example is there for those who ask.
      response: (Original, system) => (props) => {
        const [open, setOpen] = React.useState(false);
        if (!/^[45]/.test(props.code) || open) return element(Original, props);
        const Markdown = system.getComponent("Markdown", true);
        return element(
          "tr",
          { className: "response folded", "data-code": props.code },
          element("td", { className: "response-col_status" }, props.code),
          element(
            "td",
            { className: "response-col_description", colSpan: 2 },
            element(Markdown, { source: props.response.get("description") }),
            element(
              "button",
              {
                type: "button",
                className: "btn show-example",
                "aria-label": `Example of ${props.code}`,
                onClick: () => setOpen(true),
              },
              "Example",
            ),
          ),
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
    const path = new URL(response.url, location).pathname;
    if (path.endsWith("/devices/sign-out") && response.status === 204) {
      signOut("Signed out everywhere");
    } else if (response.status === 401 && token()) {
      show(`${user(token())}’s token is not accepted any more`, "failed");
    }
    return response;
  },
});

// Who is signed in: by a button of the bar, or by a token that was pasted into "Authorize".

const state = document.querySelector(".state");
const show = (text, kind) => {
  state.textContent = text;
  state.className = `state ${kind}`;
};

const token = () => ui.authSelectors.authorized().getIn([ACCESS_TOKEN, "value"]);

/** The user name that an access token tells; of anything else, nothing. */
const user = (accessToken) => {
  try {
    const payload = accessToken.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(payload)).username ?? "somebody";
  } catch {
    return "somebody";
  }
};

const signOut = (why) => {
  ui.authActions.logout([ACCESS_TOKEN]);
  show(why, "");
};

let shown;
ui.getStore().subscribe(() => {
  const now = token();
  if (now === shown) return;
  shown = now;
  if (now) show(`Signed in as ${user(now)}`, "good");
  else show("Not signed in", "");
});

/** A demo sign-in; what the local Cognito answers. */
const signIn = async (form, wanted) => {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.dataset.url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username: "demo", ...wanted }),
    });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const tokens = await answer.json();
    ui.preauthorizeApiKey(ACCESS_TOKEN, tokens.access_token);
    return tokens;
  } catch (error) {
    show(`Sign-in failed: ${error.message}`, "failed");
    return null;
  } finally {
    button.disabled = false;
  }
};

document.getElementById("sign-in")?.addEventListener("submit", (event) => {
  event.preventDefault();
  void signIn(event.target, { device_name: "Swagger UI" });
});

document.getElementById("new-device")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const tokens = await signIn(event.target, { track: false });
  if (!tokens) return;
  const { device_key: deviceKey, device_group_key: deviceGroupKey } = tokens;
  const value = JSON.stringify({ deviceKey, name: "Swagger UI", deviceGroupKey }, null, 2);
  const pathMethod = ["/devices", "post"];
  ui.oas3Actions.setRetainRequestBodyValueFlag({ value: true, pathMethod }); // when it is unfolded
  ui.oas3Actions.setRequestBodyValue({ value, pathMethod });
  show(`${state.textContent} on a new device: trackDevice is filled in`, "good");
});
