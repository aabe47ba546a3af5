import js from '@eslint/js'
import vue from 'eslint-plugin-vue'
import globals from 'globals'
import ts from 'typescript-eslint'

export default ts.config(
  { ignores: ['.chromium/', 'dist/', 'coverage/', 'node_modules/'] },
  js.configs.recommended,
  ...ts.configs.recommendedTypeChecked,
  ...vue.configs['flat/recommended'],
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: {
        parser: ts.parser,
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.vue'],
      },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'max-lines': ['error', 400],
      'no-console': 'error',
      // Whatever becomes markup goes through the one place that makes it safe; Vue's own policy would trust anything.
      'vue/no-v-html': 'error',
      'vue/block-order': ['error', { order: ['script', 'template', 'style'] }],
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/define-props-declaration': ['error', 'type-based'],
      'vue/define-emits-declaration': ['error', 'type-based'],
      // How a line is broken is no question of right and wrong.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/multi-word-component-names': 'off',
    },
  },
  {
    // The SDK is what a host application imports: it knows nothing of Vue, nor of the app around it.
    files: ['src/sdk/**/*.ts'],
    ignores: ['src/sdk/**/*.spec.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(vue|pinia|vue-router|@vue/|reka-ui|virtua|@/(?!sdk))|^\\.\\./\\.\\./', message: 'The SDK stands alone.' }] },
      ],
    },
  },
  { files: ['**/*.{js,mjs}'], ...ts.configs.disableTypeChecked },
  // What runs in Node, with parts that run in its browser's pages.
  { files: ['e2e/**/*.mjs', 'bench/**/*.mjs'], languageOptions: { globals: { ...globals.browser, ...globals.nodeBuiltin } } },
)
