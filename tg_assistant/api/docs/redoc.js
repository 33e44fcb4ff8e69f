// A file of its own: the page's policy allows no script inside the page.
const system = "system-ui, sans-serif";
Redoc.init(
  "/openapi.json",
  { theme: { typography: { fontFamily: system, headings: { fontFamily: system } } } },
  document.getElementById("redoc"),
);
