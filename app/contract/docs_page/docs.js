// Starts Swagger UI, and signs the demo user in where the page offers it.
"use strict";

const ACCESS_TOKEN = "accessToken"; // the security scheme's name in the contract

const root = document.getElementById("swagger-ui");
const ui = SwaggerUIBundle({
  domNode: root,
  url: root.dataset.contract,
  deepLinking: true,
  filter: true,
  tryItOutEnabled: true,
  persistAuthorization: false, // a token does not outlive the page
  displayOperationId: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  validatorUrl: null, // Swagger's own would be told of this server
});

const form = document.getElementById("sign-in");
if (form) {
  const state = document.getElementById("sign-in-state");
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ username: "demo", device_name: "Swagger UI" }),
      });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const tokens = await answer.json();
      ui.preauthorizeApiKey(ACCESS_TOKEN, tokens.access_token);
      state.textContent = "Signed in as demo";
      button.textContent = "Sign in again";
      form.classList.remove("failed");
      form.classList.add("signed-in");
    } catch (error) {
      state.textContent = `Sign-in failed: ${error.message}`;
      form.classList.replace("signed-in", "failed") || form.classList.add("failed");
    } finally {
      button.disabled = false;
    }
  });
}
