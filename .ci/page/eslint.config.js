// What tsc does not see, and what the explorer's page has sworn: no HTML made of texts, and modules that can be joined into one.
import js from "@eslint/js";

const html = "names of layers and labels are somebody else's: use textContent";
const form = "the exporter joins the modules into one script: only `export function|class|const` and `import {a} from \"./x.js\"`";

export default [
  js.configs.recommended,
  {
    linterOptions: {reportUnusedDisableDirectives: "error"},
    rules: {
      "no-undef": "off", // tsc knows the names of the browser
      "no-unused-vars": ["error", {argsIgnorePattern: "^_"}],
      "no-var": "error",
      "prefer-const": "error",
      "eqeqeq": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-console": "error",
      "no-shadow": "error",
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 60],
      "no-restricted-properties": ["error", ...["innerHTML", "outerHTML", "insertAdjacentHTML", "write", "srcdoc"].map(
        (property) => ({property, message: html}))],
      "no-restricted-syntax": ["error",
        {selector: "ExportDefaultDeclaration, ExportAllDeclaration, ExportNamedDeclaration[specifiers.length>0]", message: form},
        {selector: "ImportDefaultSpecifier, ImportNamespaceSpecifier, ImportExpression", message: form}],
    },
  },
];
