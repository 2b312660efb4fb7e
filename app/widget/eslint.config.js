import eslint from "@eslint/js";
import typescript from "typescript-eslint";

// What would write markup or code from text is refused: the widget runs on other people's pages.
const dangerous = ["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "write", "writeln"];

export default typescript.config(
  { ignores: ["node_modules/"] },
  eslint.configs.recommended,
  {
    files: ["src/**/*.ts"],
    extends: [typescript.configs.strictTypeChecked, typescript.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "no-restricted-properties": ["error", ...dangerous.map((property) => ({ property, message: "Use textContent." }))],
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  {
    files: ["*.mjs"],
    languageOptions: { globals: { Buffer: "readonly", console: "readonly", process: "readonly", URL: "readonly" } },
  },
);
