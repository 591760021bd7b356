// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of PatternFly that are used, each from its own folder.
export { Alert, Button, HelperTextItem, Modal, ModalHeader, Spinner, Tabs } from './ui/spoken';
export { Breadcrumb, BreadcrumbItem } from '@patternfly/react-core/dist/esm/components/Breadcrumb';
export { Card, CardBody, CardTitle } from '@patternfly/react-core/dist/esm/components/Card';
export { Checkbox } from '@patternfly/react-core/dist/esm/components/Checkbox';
export {
	DescriptionList,
	DescriptionListDescription,
	DescriptionListGroup,
	DescriptionListTerm,
} from '@patternfly/react-core/dist/esm/components/DescriptionList';
export { Drawer, DrawerContent, DrawerContentBody, DrawerPanelContent } from '@patternfly/react-core/dist/esm/components/Drawer';
export { EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter } from '@patternfly/react-core/dist/esm/components/EmptyState';
export { Form, FormGroup, FormHelperText, ActionGroup } from '@patternfly/react-core/dist/esm/components/Form';
export { FormSelect, FormSelectOption } from '@patternfly/react-core/dist/esm/components/FormSelect';
export { HelperText } from '@patternfly/react-core/dist/esm/components/HelperText';
export { Label } from '@patternfly/react-core/dist/esm/components/Label';
export {
	Masthead,
	MastheadBrand,
	MastheadContent,
	MastheadMain,
	MastheadToggle,
} from '@patternfly/react-core/dist/esm/components/Masthead';
export { ModalBody, ModalFooter, ModalVariant } from '@patternfly/react-core/dist/esm/components/Modal';
export { Nav, NavGroup, NavItem, NavList } from '@patternfly/react-core/dist/esm/components/Nav';
export { Page, PageSection, PageSidebar, PageSidebarBody, PageToggleButton } from '@patternfly/react-core/dist/esm/components/Page';
export { Progress } from '@patternfly/react-core/dist/esm/components/Progress';
export { Radio } from '@patternfly/react-core/dist/esm/components/Radio';
export { SearchInput } from '@patternfly/react-core/dist/esm/components/SearchInput';
export { SkipToContent } from '@patternfly/react-core/dist/esm/components/SkipToContent';
export { Switch } from '@patternfly/react-core/dist/esm/components/Switch';
export { Tab, TabTitleText } from '@patternfly/react-core/dist/esm/components/Tabs';
export { TextArea } from '@patternfly/react-core/dist/esm/components/TextArea';
export { TextInput } from '@patternfly/react-core/dist/esm/components/TextInput';
export { Title } from '@patternfly/react-core/dist/esm/components/Title';
export { Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core/dist/esm/components/Toolbar';
export { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table/dist/esm/components/Table';
