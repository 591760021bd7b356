/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A virtual machine as it is wanted, and the mark that comes back from libvirt, perhaps with a migration from elsewhere: the
 * text made from an order is well-formed XML, whatever the order holds. */
#include <assert.h>
#include <libxml/parser.h>

#include "http/http_server.h"
#include "vm/vm_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_order(const json_t *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct vm_order order = { 0 };

	if (vm_order_parse(json, &order, &err) < 0) {
		assert(err.code == ERR_INVALID && err.text);
		return;
	}
	if (order.want == VM_WANT_ABSENT)
		return;
	_cleanup_free_ char *text = vm_xml_domain(&order, true, "node-7", "/run/ingot");
	xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), "domain", NULL,
				    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	assert(doc && xmlStrEqual(xmlDocGetRootElement(doc)->name, (const xmlChar *)"domain"));
	xmlFreeDoc(doc);
}

static void check_mark(const char *text)
{
	_cleanup_mark_ struct vm_mark mark = { 0 }, again = { 0 };

	if (!vm_mark_parse(text, &mark))
		return;
	_cleanup_free_ char *xml = vm_mark_format(&mark);
	assert(vm_mark_parse(xml, &again));
	assert(str_equal(mark.id, again.id) && mark.generation == again.generation);
	assert(str_equal(mark.boot, again.boot) && str_equal(mark.accel, again.accel));
	assert(str_equal(mark.migration, again.migration) && str_equal(mark.arrived, again.arrived));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	json_t *json = NULL;

	check_mark(text);
	if (http_json_parse(text, strlen(text), &json, NULL) == 0)
		check_order(json);
	json_decref(json);
	return 0;
}
