// SPDX-License-Identifier: GPL-3.0-or-later
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

/** The whole package, the index of a kind of parts, and the folders that bundlers cannot take apart. */
const notDeep = {
	regex: '^@patternfly/react-(core|icons|table)(?!/dist/styles/[a-z]+\\.css$)(?!/dist/esm/(components|helpers|layouts|icons)/[A-Za-z-]+)',
	message: 'Import from the folder of one part in dist/esm: the whole package is too much for the first load.',
};

export default ts.config(
	{ ignores: ['node_modules', 'src/**/*.gen.*'] },
	...ts.configs.recommended,
	{
		files: ['**/*.{ts,tsx}'],
		plugins: { 'react-hooks': hooks },
		rules: {
			...hooks.configs.recommended.rules,
			'no-restricted-imports': ['error', { patterns: [notDeep, { regex: '^@patternfly/react-(?!.*\\.css$)', message: 'Import it in src/pf.ts, and take it from there.' }] }],
			'no-restricted-syntax': [
				'error',
				{
					selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
					message: 'What a machine says of itself must stay text.',
				},
				{
					selector: "MemberExpression[property.name=/^(innerHTML|outerHTML)$/]",
					message: 'What a machine says of itself must stay text.',
				},
				{
					selector: 'JSXText[value=/[A-Za-z\\uac00-\\ud7a3]{2,}/]',
					message: 'Words come from src/i18n.',
				},
			],
			'no-eval': 'error',
			'no-implied-eval': 'error',
		},
	},
	{
		files: ['src/pf.ts', 'src/ui/spoken.tsx'],
		rules: { 'no-restricted-imports': ['error', { patterns: [notDeep] }] },
	},
);
