// The document lies beside the page, whatever stands before both. The validator would be another's server.
const own = document.currentScript.src;

SwaggerUIBundle({
  url: new URL("../openapi.json", own).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
