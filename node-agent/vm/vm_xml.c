/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A virtual machine as libvirt's domain XML (libvirt.org/formatdomain.html), and the mark we leave in it. Pure. */
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "vm/vm_priv.h"

/* Every x86-64 processor since 2009 has these (x86-64-v2 of the psABI), and QEMU's own translator as well: a machine can move
 * between any two nodes that both have KVM, or both have not. */
#define CPU_MODEL "qemu64"
static const char *const cpu_features[] = { "cx16", "lahf_lm", "popcnt", "pni", "sse4.1", "sse4.2", "ssse3" };

/* For an element's text or an attribute in double quotes (apostrophes stay as they are). */
static void add_escaped(struct strbuf *xml, const char *before, const char *text, const char *after)
{
	xmlChar *escaped = xmlEncodeSpecialChars(NULL, (const xmlChar *)text);

	strbuf_addf(xml, "%s%s%s", before, (const char *)escaped, after);
	xmlFree(escaped);
}

/* ---- the mark ---- */

void vm_mark_done(struct vm_mark *mark)
{
	free(mark->id);
	free(mark->boot);
	free(mark->accel);
	free(mark->migration);
	free(mark->arrived);
	*mark = (struct vm_mark){ 0 };
}

char *vm_mark_format(const struct vm_mark *mark)
{
	const struct {
		const char *name, *value;
	} optional[] = { { "accel", mark->accel },
			 { "boot", mark->boot },
			 { "migration", mark->migration },
			 { "arrived", mark->arrived } };
	_cleanup_strbuf_ struct strbuf xml = { 0 };

	add_escaped(&xml, "<vm id=\"", mark->id, "\"");
	strbuf_addf(&xml, " generation='%" PRId64 "'", mark->generation);
	for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
		if (!optional[i].value)
			continue;
		strbuf_addf(&xml, " %s=", optional[i].name);
		add_escaped(&xml, "\"", optional[i].value, "\"");
	}
	strbuf_adds(&xml, "/>");
	return strbuf_take(&xml);
}

static char *attribute(xmlNode *node, const char *name)
{
	xmlChar *value = xmlGetProp(node, (const xmlChar *)name);
	char *text = xstrdup((const char *)value);

	xmlFree(value);
	return text;
}

bool vm_mark_parse(const char *xml, struct vm_mark *ret)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), "metadata", NULL,
				    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	struct vm_mark mark = { 0 };
	_cleanup_free_ char *generation = NULL;
	bool good;

	if (root) {
		mark.id = attribute(root, "id");
		mark.accel = attribute(root, "accel");
		mark.boot = attribute(root, "boot");
		mark.migration = attribute(root, "migration");
		mark.arrived = attribute(root, "arrived");
		generation = attribute(root, "generation");
	}
	good = mark.id && generation && parse_i64(generation, 0, INT64_MAX, &mark.generation) == 0;
	xmlFreeDoc(doc);
	if (good)
		*ret = mark;
	else
		vm_mark_done(&mark);
	return good;
}

/* ---- the domain ---- */

static void add_head(struct strbuf *xml, const struct vm_order *order, bool kvm)
{
	const struct vm_mark mark = { .id = (char *)order->id, .generation = order->generation };
	_cleanup_free_ char *text = vm_mark_format(&mark);

	strbuf_addf(xml, "<domain type='%s'>\n", kvm ? "kvm" : "qemu");
	strbuf_addf(xml, "  <name>" VM_DOMAIN_PREFIX "%s</name>\n  <uuid>%s</uuid>\n", order->id, order->id);
	if (order->name)
		add_escaped(xml, "  <title>", order->name, "</title>\n");
	/* "<vm .../>" with the namespace that libvirt finds it by. */
	strbuf_addf(xml, "  <metadata>\n    <%s:vm xmlns:%s='%s'%s\n  </metadata>\n", VM_METADATA_KEY, VM_METADATA_KEY,
		    VM_METADATA_URI, text + strlen("<vm"));
	strbuf_addf(xml, "  <memory unit='KiB'>%" PRIu64 "</memory>\n", order->memory_bytes / KIB);
	strbuf_addf(xml, "  <vcpu placement='static'>%u</vcpu>\n", order->cpus);
	strbuf_adds(xml, "  <os>\n    <type arch='x86_64' machine='" VM_MACHINE
			 "'>hvm</type>\n    <boot dev='hd'/>\n  </os>\n"
			 "  <features>\n    <acpi/>\n    <apic/>\n  </features>\n");
}

static void add_cpu(struct strbuf *xml)
{
	strbuf_adds(xml, "  <cpu mode='custom' match='exact' check='none'>\n    <model fallback='forbid'>" CPU_MODEL
			 "</model>\n");
	for (size_t i = 0; i < ARRAY_SIZE(cpu_features); i++)
		strbuf_addf(xml, "    <feature policy='require' name='%s'/>\n", cpu_features[i]);
	strbuf_adds(xml, "    <feature policy='disable' name='svm'/>\n  </cpu>\n");
}

/* No monitors are named: QEMU reads them from the node's own ceph.conf, so that they may change while machines stay. */
static void add_disk(struct strbuf *xml, const struct vm_order *order, unsigned i)
{
	strbuf_adds(xml, "    <disk type='network' device='disk'>\n"
			 "      <driver name='qemu' type='raw' cache='writeback' discard='unmap'/>\n"
			 "      <auth username='ingot'>\n"
			 "        <secret type='ceph' usage='" VM_SECRET_USAGE "'/>\n"
			 "      </auth>\n");
	strbuf_addf(xml, "      <source protocol='rbd' name='%s/%s'/>\n", order->disks[i].pool, order->disks[i].image);
	strbuf_addf(xml, "      <target dev='vd%c' bus='virtio'/>\n    </disk>\n", 'a' + (int)i);
}

/* A virtio disk and no CD-ROM: small kernels for virtual machines have no driver for one. cloud-init goes by the label. */
static void add_seed(struct strbuf *xml, const struct vm_order *order, const char *prefix)
{
	_cleanup_free_ char *path = xasprintf("%s" VM_SEED_FORMAT, prefix, order->id);

	strbuf_adds(xml, "    <disk type='file' device='disk'>\n      <driver name='qemu' type='raw'/>\n");
	add_escaped(xml, "      <source file=\"", path, "\"/>\n");
	strbuf_adds(xml, "      <target dev='vdz' bus='virtio'/>\n      <readonly/>\n      <serial>cidata</serial>\n"
			 "    </disk>\n");
}

/* Nothing boots from it: no ROM. In the host's own bridge it takes the bridge's MTU: with a smaller one it would lower that, and
 * so the host's. */
static void add_nic(struct strbuf *xml, const struct vm_order *order, unsigned i)
{
	char bridge[VM_NET_NAME_SIZE];

	vm_net_bridge_name(order->nics[i].vlan, bridge);
	strbuf_addf(xml, "    <interface type='bridge'>\n      <mac address='%s'/>\n      <source bridge='%s'/>\n",
		    order->nics[i].mac, bridge);
	strbuf_adds(xml, "      <model type='virtio'/>\n");
	if (order->nics[i].vlan)
		strbuf_addf(xml, "      <mtu size='%u'/>\n", order->nics[i].mtu);
	strbuf_adds(xml, "      <rom enabled='no'/>\n    </interface>\n");
}

static void add_ends(struct strbuf *xml, const struct vm_order *order, const char *prefix)
{
	_cleanup_free_ char *serial = xasprintf("%s" VM_SERIAL_FORMAT, prefix, order->id);
	_cleanup_free_ char *log = xasprintf("%s" VM_SERIAL_LOG_FORMAT, prefix, order->id);
	_cleanup_free_ char *vnc = xasprintf("%s" VM_VNC_FORMAT, prefix, order->id);

	add_escaped(xml, "    <serial type='unix'>\n      <source mode='bind' path=\"", serial, "\"/>\n");
	add_escaped(xml, "      <log file=\"", log, "\" append='off'/>\n");
	strbuf_adds(xml, "      <target type='isa-serial' port='0'/>\n    </serial>\n");
	add_escaped(xml, "    <graphics type='vnc'>\n      <listen type='socket' socket=\"", vnc,
		    "\"/>\n    </graphics>\n");
}

char *vm_xml_domain(const struct vm_order *order, bool kvm, const char *prefix)
{
	_cleanup_strbuf_ struct strbuf xml = { 0 };

	add_head(&xml, order, kvm);
	add_cpu(&xml);
	strbuf_adds(&xml, "  <clock offset='utc'/>\n"
			  "  <on_poweroff>destroy</on_poweroff>\n"
			  "  <on_reboot>restart</on_reboot>\n"
			  "  <on_crash>destroy</on_crash>\n"
			  "  <devices>\n"
			  "    <emulator>" VM_EMULATOR "</emulator>\n");
	for (unsigned i = 0; i < order->disk_count; i++)
		add_disk(&xml, order, i);
	if (order->seed.user_data)
		add_seed(&xml, order, prefix);
	strbuf_adds(&xml, "    <controller type='usb' model='none'/>\n");
	for (unsigned i = 0; i < order->nic_count; i++)
		add_nic(&xml, order, i);
	add_ends(&xml, order, prefix);
	strbuf_adds(&xml, "    <video>\n      <model type='vga' vram='16384' heads='1'/>\n    </video>\n"
			  "    <memballoon model='virtio'/>\n"
			  "    <rng model='virtio'>\n      <backend model='random'>/dev/urandom</backend>\n    </rng>\n"
			  "  </devices>\n"
			  "</domain>\n");
	return strbuf_take(&xml);
}

char *vm_xml_secret(void)
{
	/* Ephemeral: in libvirt's memory only. Private: it never gives the value back. */
	return xstrdup("<secret ephemeral='yes' private='yes'>\n  <usage type='ceph'>\n    <name>" VM_SECRET_USAGE
		       "</name>\n  </usage>\n</secret>\n");
}
