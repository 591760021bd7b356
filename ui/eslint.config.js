// SPDX-License-Identifier: GPL-3.0-or-later
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

export default ts.config(
	{ ignores: ['node_modules', 'src/**/*.gen.*'] },
	...ts.configs.recommended,
	{
		files: ['**/*.{ts,tsx}'],
		plugins: { 'react-hooks': hooks },
		rules: {
			...hooks.configs.recommended.rules,
			'no-restricted-imports': [
				'error',
				{
					paths: ['@patternfly/react-core', '@patternfly/react-icons', '@patternfly/react-table'].map((name) => ({
						name,
						message: 'Import from its dist/esm folder: the whole package is too much for the first load.',
					})),
				},
			],
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
);
