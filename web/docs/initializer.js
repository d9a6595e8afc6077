// The documents lie beside the page, whatever stands before it. A validator would be a stranger's server.
const own = document.currentScript.src;
const beside = (path) => new URL(`../${path}`, own).href;

SwaggerUIBundle({
  urls: [
    { name: "geojobs", url: beside("openapi.json") },
    { name: "OGC API - Processes", url: beside("ogc/api") },
  ],
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
});
