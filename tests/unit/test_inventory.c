/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inventory/bmc.h"
#include "inventory/disk.h"
#include "inventory/inventory.h"

/* What a kernel showed of some machines, file by file; link: a symbolic link to the content. */
struct recorded {
	const char *path;
	const char *content;
	size_t len;
	bool link;
};
#define TEXT(path, text)                                                                                               \
	{                                                                                                              \
		path, text, sizeof(text) - 1, false                                                                    \
	}
#define LINK(path, target)                                                                                             \
	{                                                                                                              \
		path, target, sizeof(target) - 1, true                                                                 \
	}

/* A server: two SAS disks behind an HBA (one with a mounted partition, one in a RAID), a SATA disk without a wwid file, an NVMe
 * drive with a hidden path, an optical drive, a card reader without a medium. */
static const struct recorded server[] = {
	TEXT("/sys/block/sda/size", "1172123568\n"),
	TEXT("/sys/block/sda/dev", "8:0\n"),
	TEXT("/sys/block/sda/queue/rotational", "1\n"),
	TEXT("/sys/block/sda/queue/logical_block_size", "512\n"),
	TEXT("/sys/block/sda/device/wwid", "naa.5000c500a1b2c3d4\n"),
	TEXT("/sys/block/sda/device/model", "ST600MM0069     \n"),
	TEXT("/sys/block/sda/device/vpd_pg80", "\0\x80\0\x14"
					       "S0M1ABCD0000B123    "),
	TEXT("/sys/block/sda/sda1/partition", "1\n"),
	TEXT("/sys/block/sda/sda1/dev", "8:1\n"),
	TEXT("/sys/block/sda/sda2/partition", "2\n"),
	TEXT("/sys/block/sda/sda2/dev", "8:2\n"),
	TEXT("/sys/block/sdb/size", "1172123568\n"),
	TEXT("/sys/block/sdb/dev", "8:16\n"),
	TEXT("/sys/block/sdb/queue/rotational", "1\n"),
	TEXT("/sys/block/sdb/device/wwid", "naa.5000c500a1b2c3d8\n"),
	TEXT("/sys/block/sdb/device/vpd_pg80", "\0\x80\0\x08"
					       "S0M1ABCE"),
	TEXT("/sys/block/sdb/sdb1/partition", "1\n"),
	TEXT("/sys/block/sdb/sdb1/dev", "8:17\n"),
	TEXT("/sys/block/sdb/sdb1/holders/md127/dev", "9:127\n"),
	TEXT("/sys/block/sdc/size", "7814037168\n"),
	TEXT("/sys/block/sdc/dev", "8:32\n"),
	TEXT("/sys/block/sdc/queue/rotational", "1\n"),
	TEXT("/sys/block/sdc/device/wwid", "t10.ATA     WDC WD4000FYYZ-01UL1B1                   WD-WCC131365771\n"),
	TEXT("/sys/block/sdc/device/model", "WDC WD4000FYYZ-0\n"),
	TEXT("/sys/block/sdc/device/vpd_pg80", "\0\x80\0\x14"
					       "     WD-WCC131365771"),
	/* designators: t10 vendor id (type 1), NAA (type 3) of the unit, NAA of the port (association 1) */
	TEXT("/sys/block/sdc/device/vpd_pg83", "\0\x83\0\x24"
					       "\x02\x01\0\x08"
					       "ATA     "
					       "\x01\x03\0\x08"
					       "\x50\x01\x4e\xe0\xae\x2b\xd2\xf1"
					       "\x01\x13\0\x08"
					       "\x50\x01\x4e\xe0\xae\x2b\xd2\xff"),
	TEXT("/sys/block/nvme0n1/size", "1875385008\n"),
	TEXT("/sys/block/nvme0n1/dev", "259:0\n"),
	TEXT("/sys/block/nvme0n1/queue/rotational", "0\n"),
	TEXT("/sys/block/nvme0n1/queue/logical_block_size", "4096\n"),
	TEXT("/sys/block/nvme0n1/wwid", "eui.0025388b710116a1\n"),
	TEXT("/sys/block/nvme0n1/device/serial", "S3EVNX0K500123P     \n"),
	TEXT("/sys/block/nvme0n1/device/model", "SAMSUNG MZQLB960HAJR-00007              \n"),
	TEXT("/sys/block/nvme0c0n1/size", "1875385008\n"),
	TEXT("/sys/block/nvme0c0n1/hidden", "1\n"),
	TEXT("/sys/block/sr0/size", "2097151\n"),
	TEXT("/sys/block/sdd/size", "0\n"),
	TEXT("/sys/block/loop0/size", "100\n"),
	TEXT("/sys/block/md127/size", "1172000000\n"),
	TEXT("/sys/class/net/lo/type", "772\n"),
	TEXT("/sys/class/net/eno1/type", "1\n"),
	TEXT("/sys/class/net/eno1/address", "ac:1f:6b:00:11:22\n"),
	TEXT("/sys/class/net/eno1/carrier", "1\n"),
	TEXT("/sys/class/net/eno1/speed", "10000\n"),
	LINK("/sys/class/net/eno1/device/driver", "../../../../bus/pci/drivers/ixgbe"),
	TEXT("/sys/class/net/eno2/type", "1\n"),
	TEXT("/sys/class/net/eno2/address", "ac:1f:6b:00:11:23\n"),
	TEXT("/sys/class/net/eno2/carrier", "0\n"),
	TEXT("/sys/class/net/eno2/speed", "-1\n"),
	LINK("/sys/class/net/eno2/device/driver", "../../../../bus/pci/drivers/ixgbe"),
	TEXT("/sys/class/net/br0/type", "1\n"),
	TEXT("/sys/class/net/br0/address", "ac:1f:6b:00:11:22\n"),
	TEXT("/sys/class/dmi/id/product_uuid", "4C4C4544-0042-3510-8054-B7C04F4D3732\n"),
	TEXT("/sys/class/dmi/id/product_serial", "7B5T7M2\n"),
	TEXT("/sys/class/dmi/id/sys_vendor", "Dell Inc.\n"),
	TEXT("/sys/class/dmi/id/product_name", "PowerEdge R640\n"),
	TEXT("/sys/firmware/efi/fw_platform_size", "64\n"),
	TEXT("/proc/self/mountinfo", "22 1 0:21 / / rw - rootfs rootfs rw\n"
				     "30 22 8:1 / /mnt/data rw,relatime shared:1 - ext4 /dev/root rw\n"),
	TEXT("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
	TEXT("/proc/meminfo", "MemTotal:       65806600 kB\nMemFree:        1234 kB\n"),
	TEXT("/proc/cpuinfo",
	     "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz\nphysical id\t: 0\n"
	     "core id\t\t: 0\n\nprocessor\t: 1\nmodel name\t: other\nphysical id\t: 1\ncore id\t\t: 0\n\n"
	     "processor\t: 2\nphysical id\t: 0\ncore id\t\t: 0\n\nprocessor\t: 3\nphysical id\t: 1\n"
	     "core id\t\t: 1\n\n"),
	TEXT("/proc/sys/kernel/osrelease", "6.1.0-26-amd64\n"),
	TEXT("/proc/sys/kernel/random/boot_id", "3c7a8a44-6f1c-4b0e-a7b9-7d1f3f0f9c11\n"),
};

/* A virtual machine: virtio disks, one of them swap, one mounted under a number of its own; nothing in DMI. */
static const struct recorded virtual[] = {
	TEXT("/sys/block/vda/size", "20971520\n"),
	TEXT("/sys/block/vda/dev", "254:0\n"),
	TEXT("/sys/block/vda/serial", "disk-a"),
	TEXT("/sys/block/vda/queue/rotational", "1\n"),
	TEXT("/sys/block/vdb/size", "8388608\n"),
	TEXT("/sys/block/vdb/dev", "254:16\n"),
	TEXT("/sys/block/vdb/serial", "disk-b"),
	TEXT("/sys/block/vdc/size", "8388608\n"),
	TEXT("/sys/block/vdc/dev", "254:32\n"),
	TEXT("/sys/block/vdc/serial", "disk\xff-c"),
	TEXT("/sys/class/dmi/id/product_uuid", "not-a-uuid\n"),
	TEXT("/sys/class/dmi/id/product_serial", "Not Specified\n"),
	TEXT("/sys/class/dmi/id/sys_vendor", "QEMU\n"),
	TEXT("/proc/self/mountinfo", "31 22 0:45 / /srv rw - btrfs /dev/vdc rw\n"),
	TEXT("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/vdb   partition\t4194300\t0\t-2\n"),
	TEXT("/proc/cpuinfo", "processor\t: 0\nmodel name\t: QEMU TCG CPU\n\nprocessor\t: 1\n\n"),
	TEXT("/proc/meminfo", "MemTotal: 2048 kB\n"),
};

static char root[] = "/tmp/ingot-test-inventory-XXXXXX";

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static void replay(const struct recorded *files, size_t count)
{
	if (access(root, F_OK) == 0)
		nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", root, files[i].path);
		_cleanup_free_ char *folder = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);

		assert_int_equal(mkdir_p(folder, 0755), 0);
		if (files[i].link)
			assert_int_equal(symlink(files[i].content, path), 0);
		else
			assert_int_equal(write_file_atomic(path, files[i].content, files[i].len, 0644), 0);
	}
}

static int set_up_server(void **state)
{
	replay(server, ARRAY_SIZE(server));
	return 0;
}

static int set_up_virtual(void **state)
{
	replay(virtual, ARRAY_SIZE(virtual));
	return 0;
}

static const struct disk *by_name(const struct disk_list *list, const char *name)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (str_equal(list->disks[i].name, name))
			return &list->disks[i];
	}
	fail_msg("no disk %s", name);
	return NULL;
}

static void test_disks_of_a_server(void **state)
{
	static const char *const names[] = { "nvme0n1", "sda", "sdb", "sdc" };
	_cleanup_disks_ struct disk_list list = { 0 };
	const struct disk *disk;

	assert_int_equal(disk_list_read(root, &list, NULL), 0);
	assert_int_equal(list.count, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_string_equal(list.disks[i].name, names[i]);

	disk = by_name(&list, "sda");
	assert_string_equal(disk->wwn, "naa.5000c500a1b2c3d4");
	assert_string_equal(disk->serial, "S0M1ABCD0000B123");
	assert_string_equal(disk->model, "ST600MM0069");
	assert_int_equal(disk->size_bytes, 1172123568ull * 512);
	assert_true(disk->rotational && disk->in_use);
	assert_string_equal(disk->use, "sda1 is mounted at /mnt/data");

	disk = by_name(&list, "sdb");
	assert_true(disk->in_use);
	assert_string_equal(disk->use, "sdb1 is part of md127");

	/* A name put together from the model is no WWN; the one in page 0x83 is. */
	disk = by_name(&list, "sdc");
	assert_string_equal(disk->wwn, "naa.50014ee0ae2bd2f1");
	assert_string_equal(disk->serial, "WD-WCC131365771");
	assert_false(disk->in_use);
	assert_null(disk->use);

	disk = by_name(&list, "nvme0n1");
	assert_string_equal(disk->wwn, "eui.0025388b710116a1");
	assert_string_equal(disk->serial, "S3EVNX0K500123P");
	assert_int_equal(disk->size_bytes, 1875385008ull * 512);
	assert_int_equal(disk->logical_block_bytes, 4096);
	assert_false(disk->rotational);
}

static void test_disks_of_a_virtual_machine(void **state)
{
	_cleanup_disks_ struct disk_list list = { 0 };
	_cleanup_free_ char *path = xasprintf("%s/dev/vda", root);

	assert_int_equal(disk_list_read(root, &list, NULL), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.disks[0].path, path);
	assert_string_equal(list.disks[0].serial, "disk-a");
	assert_null(list.disks[0].wwn);
	assert_false(list.disks[0].in_use);
	assert_string_equal(list.disks[1].use, "vdb is swap space");
	assert_string_equal(list.disks[2].use, "vdc is mounted at /srv");
	assert_string_equal(list.disks[2].serial, "disk?-c");
}

/* An eMMC has its boot partitions beside it, with its own serial. */
static const struct recorded emmc[] = {
	TEXT("/sys/block/mmcblk0/size", "61071360\n"),
	TEXT("/sys/block/mmcblk0/dev", "179:0\n"),
	TEXT("/sys/block/mmcblk0/device/name", "DF4032\n"),
	TEXT("/sys/block/mmcblk0/device/serial", "0x9a3b2c1d\n"),
	TEXT("/sys/block/mmcblk0/mmcblk0p1/partition", "1\n"),
	TEXT("/sys/block/mmcblk0/mmcblk0p1/dev", "179:1\n"),
	TEXT("/sys/block/mmcblk0boot0/size", "8192\n"),
	TEXT("/sys/block/mmcblk0boot0/dev", "179:8\n"),
	TEXT("/sys/block/mmcblk0boot0/device/serial", "0x9a3b2c1d\n"),
	TEXT("/proc/self/mountinfo", "22 1 0:21 / / rw - rootfs rootfs rw\n"),
};

static int set_up_emmc(void **state)
{
	replay(emmc, ARRAY_SIZE(emmc));
	return 0;
}

static void test_disk_is_an_emmc(void **state)
{
	_cleanup_disks_ struct disk_list list = { 0 };

	assert_int_equal(disk_list_read(root, &list, NULL), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.disks[0].name, "mmcblk0");
	assert_string_equal(list.disks[0].model, "DF4032");
	assert_string_equal(list.disks[0].serial, "0x9a3b2c1d");
	assert_int_equal(list.disks[0].size_bytes, 61071360ull * 512);
}

static enum err_code find(const char *wwn, const char *serial, uint64_t size, const char *expected)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct disk disk = { 0 };

	if (disk_find(root, wwn, serial, size, &disk, &err) < 0) {
		assert_non_null(err.text);
		return err.code;
	}
	assert_string_equal(disk.name, expected);
	disk_done(&disk);
	return ERR_NONE;
}

static void test_find(void **state)
{
	uint64_t size = 1172123568ull * 512;
	_cleanup_err_ struct err err = ERR_INIT;
	struct disk disk;

	assert_int_equal(find("naa.5000c500a1b2c3d8", "S0M1ABCE", size, "sdb"), ERR_NONE);
	assert_int_equal(find("NAA.5000C500A1B2C3D8", NULL, size, "sdb"), ERR_NONE);
	assert_int_equal(find("", "S0M1ABCE", 0, "sdb"), ERR_NONE);
	/* Each that is given must match, the size to the byte. */
	assert_int_equal(find("naa.5000c500a1b2c3d8", "S0M1ABCD0000B123", size, NULL), ERR_NOT_FOUND);
	assert_int_equal(find("naa.5000c500a1b2c3d8", NULL, size - 512, NULL), ERR_NOT_FOUND);
	assert_int_equal(find(NULL, "S0M1", 0, NULL), ERR_NOT_FOUND);
	assert_int_equal(find(NULL, NULL, size, NULL), ERR_INVALID);
	assert_int_equal(find("", "", size, NULL), ERR_INVALID);
	assert_true(disk_find(root, "naa.1", NULL, 7, &disk, &err) < 0);
	assert_non_null(strstr(err.text, "no disk has wwn naa.1 and 7 bytes; there is "));
	assert_non_null(strstr(err.text, "sdb (wwn naa.5000c500a1b2c3d8, serial S0M1ABCE, "));
}

static void test_find_refuses_twins(void **state)
{
	static const struct recorded twins[] = {
		TEXT("/sys/block/vda/size", "1000\n"), TEXT("/sys/block/vda/serial", "same"),
		TEXT("/sys/block/vdb/size", "1000\n"), TEXT("/sys/block/vdb/serial", "same"),
		TEXT("/sys/block/vdc/size", "2000\n"), TEXT("/sys/block/vdc/serial", "same"),
	};

	replay(twins, ARRAY_SIZE(twins));
	assert_int_equal(find(NULL, "same", 1000 * 512, NULL), ERR_STATE);
	assert_int_equal(find(NULL, "same", 2000 * 512, "vdc"), ERR_NONE);
}

static void test_no_sysfs(void **state)
{
	_cleanup_disks_ struct disk_list list = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(disk_list_read("/nonexistent", &list, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/sys/block"));
}

static void test_vpd_pages_that_lie(void **state)
{
	static const struct recorded files[] = {
		TEXT("/sys/block/sda/size", "1000\n"),
		TEXT("/sys/block/sda/device/vpd_pg80", "\0\x80\xff\xffXYZ"),
		TEXT("/sys/block/sda/device/vpd_pg83", "\0\x83\xff\xff\x01\x03\0\xf0\x50\x01"),
		TEXT("/sys/block/sdb/size", "1000\n"),
		TEXT("/sys/block/sdb/device/vpd_pg80", "\0\x80"),
		TEXT("/sys/block/sdb/device/vpd_pg83", "\0\x83\0\x02\x01"),
		TEXT("/sys/block/sdc/size", "1000\n"),
		TEXT("/sys/block/sdc/device/vpd_pg80", "\0\x80\0\x04    "),
		TEXT("/sys/block/sdc/device/vpd_pg83", "\0\x83\0\x04\x01\x03\0\0"),
	};
	_cleanup_disks_ struct disk_list list = { 0 };

	replay(files, ARRAY_SIZE(files));
	assert_int_equal(disk_list_read(root, &list, NULL), 0);
	assert_int_equal(list.count, 3);
	for (unsigned i = 0; i < list.count; i++) {
		assert_null(list.disks[i].serial);
		assert_null(list.disks[i].wwn);
	}
}

static void assert_json(json_t *json, const char *expected_text)
{
	json_error_t problem;
	json_t *expected = json_loads(expected_text, JSON_DECODE_ANY, &problem);
	_cleanup_free_ char *is = json_dumps(json, JSON_ENCODE_ANY);

	assert_non_null(expected);
	if (!json_equal(json, expected))
		fail_msg("%s\nis not\n%s", is, expected_text);
	json_decref(expected);
}

static void test_inventory_of_a_server(void **state)
{
	json_t *inventory = inventory_read(root, "10.0.0.5");

	assert_json(json_object_get(inventory, "system"),
		    "{\"uuid\": \"4c4c4544-0042-3510-8054-b7c04f4d3732\", \"serial\": \"7B5T7M2\","
		    " \"vendor\": \"Dell Inc.\", \"product\": \"PowerEdge R640\"}");
	assert_json(json_object_get(inventory, "firmware"), "\"uefi\"");
	assert_json(json_object_get(inventory, "cpu"),
		    "{\"model\": \"Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz\", \"sockets\": 2, \"cores\": 3,"
		    " \"threads\": 4}");
	assert_json(json_object_get(inventory, "memory_bytes"), "67385958400");
	assert_json(json_object_get(inventory, "bmc"), "{\"address\": \"10.0.0.5\"}");
	assert_json(json_object_get(inventory, "kernel"), "\"6.1.0-26-amd64\"");
	assert_json(json_object_get(inventory, "nics"),
		    "[{\"name\": \"eno1\", \"mac\": \"ac:1f:6b:00:11:22\", \"link\": true, \"speed_mbps\": 10000,"
		    " \"driver\": \"ixgbe\"}, {\"name\": \"eno2\", \"mac\": \"ac:1f:6b:00:11:23\", \"link\": false,"
		    " \"speed_mbps\": 0, \"driver\": \"ixgbe\"}]");
	assert_json(json_array_get(json_object_get(inventory, "disks"), 0),
		    "{\"path\": \"/dev/nvme0n1\", \"wwn\": \"eui.0025388b710116a1\", \"serial\": \"S3EVNX0K500123P\","
		    " \"model\": \"SAMSUNG MZQLB960HAJR-00007\", \"size_bytes\": 960197124096, \"rotational\": false,"
		    " \"in_use\": false}");
	assert_int_equal(json_array_size(json_object_get(inventory, "disks")), 4);
	json_decref(inventory);
}

static void test_inventory_of_little(void **state)
{
	json_t *inventory = inventory_read(root, NULL);

	assert_json(json_object_get(inventory, "system"),
		    "{\"uuid\": null, \"serial\": null, \"vendor\": \"QEMU\", \"product\": null}");
	assert_json(json_object_get(inventory, "firmware"), "\"bios\"");
	assert_json(json_object_get(inventory, "cpu"),
		    "{\"model\": \"QEMU TCG CPU\", \"sockets\": 1, \"cores\": 2, \"threads\": 2}");
	assert_json(json_object_get(inventory, "bmc"), "null");
	assert_json(json_object_get(inventory, "nics"), "[]");
	json_decref(inventory);
}

static void test_hello(void **state)
{
	json_t *hello = inventory_hello(root);

	assert_json(hello,
		    "{\"uuid\": \"4c4c4544-0042-3510-8054-b7c04f4d3732\", \"serial\": \"7B5T7M2\","
		    " \"macs\": [\"ac:1f:6b:00:11:22\", \"ac:1f:6b:00:11:23\"],"
		    " \"boot_id\": \"3c7a8a44-6f1c-4b0e-a7b9-7d1f3f0f9c11\", \"firmware\": \"uefi\", \"bmc\": null}");
	json_decref(hello);
}

/* ---- the BMC ---- */

/* A BMC that was recorded: channel 1 is LAN without an address, 2 is serial, 8 is LAN with one. */
struct fake_bmc {
	unsigned commands;
	bool silent, mute_channel_8;
};

static int fake_transact(uint8_t netfn, uint8_t command, const uint8_t *data, size_t len, uint8_t *answer,
			 size_t answer_max, int64_t deadline_ms, void *ctx)
{
	static const uint8_t address[6] = { 0, 0x11, 10, 1, 2, 3 }, no_address[6] = { 0, 0x11 };
	struct fake_bmc *bmc = ctx;
	unsigned channel = data[0];

	bmc->commands++;
	assert_true(deadline_ms > monotonic_ms() - 1000 && deadline_ms <= monotonic_ms() + 2000);
	if (bmc->silent)
		return -ETIMEDOUT;
	if (netfn == 0x06 && command == 0x42 && len == 1) {
		uint8_t info[] = { 0, (uint8_t)channel, channel == 1 || channel == 8 ? 0x04 : 0x05, 0x01, 0, 0, 0, 0, 0,
				   0 };

		if (channel > 2 && channel != 8) {
			answer[0] = 0xcc; /* invalid data field: no such channel */
			return 1;
		}
		memcpy(answer, info, sizeof(info));
		return sizeof(info);
	}
	assert_int_equal(netfn, 0x0c);
	assert_int_equal(command, 0x02);
	assert_int_equal(len, 4);
	assert_int_equal(data[1], 3);
	memcpy(answer, channel == 8 && !bmc->mute_channel_8 ? address : no_address, sizeof(address));
	return sizeof(address);
}

static void test_bmc_address(void **state)
{
	_cleanup_free_ char *address = NULL;
	struct fake_bmc bmc = { 0 };

	assert_int_equal(bmc_lan_address_by(fake_transact, &bmc, 5000, &address), 0);
	assert_string_equal(address, "10.1.2.3");
	assert_int_equal(bmc.commands, 8 + 2);
}

static void test_bmc_without_address(void **state)
{
	struct fake_bmc bmc = { .mute_channel_8 = true };
	char *address = NULL;

	assert_int_equal(bmc_lan_address_by(fake_transact, &bmc, 5000, &address), -ENOENT);
	bmc = (struct fake_bmc){ .silent = true };
	assert_int_equal(bmc_lan_address_by(fake_transact, &bmc, 5000, &address), -ENOENT);
	assert_int_equal(bmc_lan_address_by(fake_transact, &bmc, 0, &address), -ETIMEDOUT);
	assert_null(address);
}

static void test_no_bmc(void **state)
{
	char *address = NULL;

	assert_int_equal(bmc_lan_address(root, 5000, &address), -ENODEV);
	assert_null(address);
}

static int set_up_all(void **state)
{
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down_all(void **state)
{
	return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_disks_of_a_server, set_up_server),
		cmocka_unit_test_setup(test_disks_of_a_virtual_machine, set_up_virtual),
		cmocka_unit_test_setup(test_disk_is_an_emmc, set_up_emmc),
		cmocka_unit_test_setup(test_find, set_up_server),
		cmocka_unit_test(test_find_refuses_twins),
		cmocka_unit_test(test_no_sysfs),
		cmocka_unit_test(test_vpd_pages_that_lie),
		cmocka_unit_test_setup(test_inventory_of_a_server, set_up_server),
		cmocka_unit_test_setup(test_inventory_of_little, set_up_virtual),
		cmocka_unit_test_setup(test_hello, set_up_server),
		cmocka_unit_test(test_bmc_address),
		cmocka_unit_test(test_bmc_without_address),
		cmocka_unit_test_setup(test_no_bmc, set_up_virtual),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
