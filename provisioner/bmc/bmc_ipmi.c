/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPMI 2.0 over RMCP+ through libfreeipmi. Every function opens a session, sends its commands and closes it: BMCs have
 * few sessions, and one left open is lost to the operator. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/log.h"
#include "bmc_ipmi_priv.h"

/* How long the BMC may be silent before one exchange is given up, and when a request is sent again meanwhile. Opening
 * takes five exchanges, a command one. */
#define SILENCE_MS 4000
#define RESEND_MS 900
/* No further way of opening a session is tried after this. */
#define OPEN_DEADLINE_MS 12000

#define FLAG(name) IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_##name
#define SEEN(errnum) (UINT64_C(1) << IPMI_ERR_##errnum)

void bmc_session_close(struct bmc_session *session)
{
	if (!session->ctx)
		return;
	ipmi_ctx_close(session->ctx);
	ipmi_ctx_destroy(session->ctx);
	session->ctx = NULL;
}

static void object_free(fiid_obj_t *object)
{
	if (*object)
		fiid_obj_destroy(*object);
}
#define _cleanup_object_ _cleanup_(object_free)

/* ---- errors ---- */

/* What an error of the library means. One row each; the rest is ERR_INTERNAL. */
static const struct {
	int errnum;
	enum err_code code;
	const char *text; /* NULL: the library's own words */
} meanings[] = {
	{ IPMI_ERR_USERNAME_INVALID, ERR_CREDENTIALS, "refused the user name" },
	{ IPMI_ERR_PASSWORD_INVALID, ERR_CREDENTIALS, "refused the password" },
	{ IPMI_ERR_K_G_INVALID, ERR_CREDENTIALS, "asks for a K_g key" },
	{ IPMI_ERR_PASSWORD_VERIFICATION_TIMEOUT, ERR_CREDENTIALS, "did not confirm the password" },
	{ IPMI_ERR_PRIVILEGE_LEVEL_INSUFFICIENT, ERR_CREDENTIALS, "does not let this user do that" },
	{ IPMI_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED, ERR_CREDENTIALS,
	  "does not give this user the administrator level" },
	{ IPMI_ERR_AUTHENTICATION_TYPE_UNAVAILABLE, ERR_CREDENTIALS, "offers no authentication that fits" },
	{ IPMI_ERR_CONNECTION_TIMEOUT, ERR_UNREACHABLE, "does not answer" },
	{ IPMI_ERR_SESSION_TIMEOUT, ERR_UNREACHABLE, "stopped answering" },
	{ IPMI_ERR_MESSAGE_TIMEOUT, ERR_UNREACHABLE, "stopped answering" },
	{ IPMI_ERR_DRIVER_TIMEOUT, ERR_UNREACHABLE, "stopped answering" },
	{ IPMI_ERR_BMC_BUSY, ERR_UNREACHABLE, "is busy" },
	{ IPMI_ERR_IPMI_2_0_UNAVAILABLE, ERR_UNSUPPORTED, "does not speak IPMI 2.0" },
	{ IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE, ERR_UNSUPPORTED, "offers none of the cipher suites 3 and 17" },
	{ IPMI_ERR_COMMAND_INVALID_OR_UNSUPPORTED, ERR_UNSUPPORTED, NULL },
	{ IPMI_ERR_HOSTNAME_INVALID, ERR_INVALID, NULL },
	{ IPMI_ERR_SYSTEM_ERROR, ERR_UNREACHABLE, "cannot be sent to" },
};

static int set_library_error(struct err *err, const struct bmc_target *target, int errnum)
{
	for (unsigned i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (meanings[i].errnum == errnum)
			return err_set(err, meanings[i].code, "BMC %s %s", target->address,
				       str_or(meanings[i].text, ipmi_ctx_strerror(errnum)));
	}
	return err_set(err, ERR_INTERNAL, "BMC %s: %s", target->address, ipmi_ctx_strerror(errnum));
}

/* ---- opening ---- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static void library_init(void)
{
	ipmi_rmcpplus_init(); /* the cryptographic library; an error shows again at each open */
}

static int open_with(const struct bmc_target *target, int cipher_suite, uint32_t quirks, struct bmc_session *session)
{
	int errnum;

	session->ctx = ipmi_ctx_create();
	if (!session->ctx)
		return IPMI_ERR_OUT_OF_MEMORY;
	if (ipmi_ctx_open_outofband_2_0(session->ctx, target->address, target->user, target->password, NULL, 0,
					IPMI_PRIVILEGE_LEVEL_ADMIN, (uint8_t)cipher_suite, SILENCE_MS, RESEND_MS,
					quirks, IPMI_FLAGS_DEFAULT) == 0) {
		session->quirks = quirks;
		session->cipher_suite = cipher_suite;
		return IPMI_ERR_SUCCESS;
	}
	errnum = ipmi_ctx_errnum(session->ctx);
	ipmi_ctx_destroy(session->ctx);
	session->ctx = NULL;
	return errnum;
}

/* The ways around BMCs that depart from the specification, and the errors by which they show (ipmi-chassis(8),
 * WORKAROUNDS). A way is tried only after one of its errors was seen. None of them lets a wrong password pass. */
static const struct {
	uint32_t quirks;
	uint64_t after;
} ways[] = {
	{ IPMI_WORKAROUND_FLAGS_DEFAULT, UINT64_MAX },
	{ FLAG(OPEN_SESSION_PRIVILEGE), SEEN(PASSWORD_INVALID) | SEEN(K_G_INVALID) | SEEN(BAD_RMCPPLUS_STATUS_CODE) |
						SEEN(PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED) },
	{ FLAG(AUTHENTICATION_CAPABILITIES),
	  SEEN(USERNAME_INVALID) | SEEN(AUTHENTICATION_TYPE_UNAVAILABLE) | SEEN(K_G_INVALID) },
	{ FLAG(AUTHENTICATION_CAPABILITIES) | FLAG(OPEN_SESSION_PRIVILEGE),
	  SEEN(AUTHENTICATION_TYPE_UNAVAILABLE) | SEEN(K_G_INVALID) },
	{ FLAG(SUPERMICRO_2_0_SESSION), SEEN(PASSWORD_INVALID) },
	{ FLAG(INTEL_2_0_SESSION), SEEN(USERNAME_INVALID) | SEEN(PASSWORD_INVALID) | SEEN(K_G_INVALID) },
	{ FLAG(SUN_2_0_SESSION), SEEN(PASSWORD_INVALID) | SEEN(IPMI_ERROR) },
};
static const int suites[] = { 3, 17 };

/* Which of two errors to report: what the BMC says about name and password counts most, that a suite is not spoken
 * least; otherwise the first. */
static int telling(int before, int now)
{
	if (before == IPMI_ERR_SUCCESS || before == IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE)
		return now;
	if (before == IPMI_ERR_USERNAME_INVALID || before == IPMI_ERR_PASSWORD_INVALID)
		return before;
	return now == IPMI_ERR_USERNAME_INVALID || now == IPMI_ERR_PASSWORD_INVALID ? now : before;
}

/* Finds what works. */
static int find_way(const struct bmc_target *target, struct bmc_session *session)
{
	int64_t deadline_ms = monotonic_ms() + OPEN_DEADLINE_MS;
	int trouble = IPMI_ERR_SUCCESS;

	for (unsigned s = 0; s < ARRAY_SIZE(suites); s++) {
		uint64_t seen = 0;

		for (unsigned w = 0; w < ARRAY_SIZE(ways); w++) {
			int errnum;

			if (w > 0 && !(ways[w].after & seen))
				continue;
			if (trouble && monotonic_ms() >= deadline_ms)
				return trouble;
			errnum = open_with(target, suites[s], ways[w].quirks, session);
			log_debug("bmc %s: cipher suite %d, quirks 0x%x: %s", target->address, suites[s],
				  ways[w].quirks, errnum ? ipmi_ctx_strerror(errnum) : "works");
			if (errnum == IPMI_ERR_SUCCESS)
				return errnum;
			trouble = telling(trouble, errnum);
			/* Silence from the start, no room for a session: another way does not help. */
			if (errnum == IPMI_ERR_CONNECTION_TIMEOUT || errnum == IPMI_ERR_BMC_BUSY ||
			    errnum == IPMI_ERR_SYSTEM_ERROR || errnum == IPMI_ERR_HOSTNAME_INVALID)
				return errnum;
			if (errnum == IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE)
				break;
			seen |= UINT64_C(1) << errnum;
		}
		if (seen)
			return trouble; /* this suite is spoken; the trouble lies elsewhere */
	}
	return trouble;
}

int bmc_session_open(const struct bmc_target *target, struct bmc_session *session, struct err *err)
{
	struct sockaddr_in address;
	int r = bmc_address_parse(target->address, &address, err);
	int errnum;

	if (r < 0)
		return r;
	if (target->user && strlen(target->user) > IPMI_MAX_USER_NAME_LENGTH)
		return err_set_field(err, ERR_INVALID, "user", "a BMC's user name has at most %d bytes",
				     IPMI_MAX_USER_NAME_LENGTH);
	if (target->password && strlen(target->password) > IPMI_2_0_MAX_PASSWORD_LENGTH)
		return err_set_field(err, ERR_INVALID, "password", "a BMC's password has at most %d bytes",
				     IPMI_2_0_MAX_PASSWORD_LENGTH);
	pthread_once(&library_once, library_init);
	if (target->cipher_suite >= 0)
		errnum = open_with(target, target->cipher_suite, target->quirks, session);
	else
		errnum = find_way(target, session);
	return errnum ? set_library_error(err, target, errnum) : 0;
}

/* ---- commands ---- */

/* The outcome of one of the library's command functions. A completion code is told with its text. */
static int command_result(const struct bmc_target *target, struct bmc_session *session, int result, fiid_obj_t answer,
			  uint8_t net_fn, const char *what, struct err *err)
{
	char text[256] = "";
	uint64_t code = 0;
	int errnum = ipmi_ctx_errnum(session->ctx);

	if (result >= 0)
		return 0;
	if (fiid_obj_get(answer, "comp_code", &code) < 0 || code == IPMI_COMP_CODE_COMMAND_SUCCESS)
		return set_library_error(err, target, errnum);
	if (ipmi_completion_code_strerror_cmd_r(answer, net_fn, text, sizeof(text)) < 0)
		text[0] = '\0';
	switch (code) {
	case IPMI_COMP_CODE_INVALID_COMMAND:
	case IPMI_COMP_CODE_COMMAND_INVALID_FOR_LUN:
	case IPMI_COMP_CODE_PARAMETER_OUT_OF_RANGE:
	case IPMI_COMP_CODE_INVALID_DATA_FIELD_IN_REQUEST:
		return err_set(err, ERR_UNSUPPORTED, "BMC %s: %s: completion code 0x%02x: %s", target->address, what,
			       (unsigned)code, text);
	case IPMI_COMP_CODE_INSUFFICIENT_PRIVILEGE_LEVEL:
		return err_set(err, ERR_CREDENTIALS, "BMC %s: %s: completion code 0x%02x: %s", target->address, what,
			       (unsigned)code, text);
	case IPMI_COMP_CODE_NODE_BUSY:
	case IPMI_COMP_CODE_COMMAND_TIMEOUT:
	case IPMI_COMP_CODE_BMC_INITIALIZATION_IN_PROGRESS:
		return err_set(err, ERR_UNREACHABLE, "BMC %s: %s: completion code 0x%02x: %s", target->address, what,
			       (unsigned)code, text);
	default:
		return err_set(err, ERR_INTERNAL, "BMC %s: %s: completion code 0x%02x: %s", target->address, what,
			       (unsigned)code, text);
	}
}

static uint64_t field(fiid_obj_t object, const char *name)
{
	uint64_t value = 0;

	return fiid_obj_get(object, name, &value) < 0 ? 0 : value;
}

/* Get System GUID (IPMI v2.0 section 22.14). A BMC without one is no error. */
static void read_uuid(struct bmc_session *session, struct bmc_identity *identity)
{
	_cleanup_object_ fiid_obj_t answer = fiid_obj_create(tmpl_cmd_get_system_guid_rs);
	uint8_t bytes[2 + 16]; /* command, completion code, GUID */

	if (!answer || ipmi_cmd_get_system_guid(session->ctx, answer) < 0)
		return;
	if (fiid_obj_get_all(answer, bytes, sizeof(bytes)) != sizeof(bytes))
		return;
	identity->system_uuid = guid_format(bytes + 2, guid_layout_guess(bytes + 2));
}

/* Get Device ID (IPMI v2.0 section 20.1). */
static int read_device(const struct bmc_target *target, struct bmc_session *session, struct bmc_identity *identity,
		       struct err *err)
{
	_cleanup_object_ fiid_obj_t answer = fiid_obj_create(tmpl_cmd_get_device_id_rs);
	char name[128] = "";
	uint32_t id;
	int r = ipmi_cmd_get_device_id(session->ctx, answer);

	r = command_result(target, session, r, answer, IPMI_NET_FN_APP_RS, "Get Device ID", err);
	if (r < 0)
		return r;
	id = (uint32_t)field(answer, "manufacturer_id.id");
	if (ipmi_iana_enterprise_numbers_string(id, name, sizeof(name)) > 0)
		identity->manufacturer = xstrdup(name);
	else if (id)
		identity->manufacturer = xasprintf("IANA %u", id);
	/* The minor number is in BCD. */
	identity->firmware = xasprintf("%u.%02x", (unsigned)field(answer, "firmware_revision1.major_revision"),
				       (unsigned)field(answer, "firmware_revision2.minor_revision"));
	return 0;
}

static int ipmi_probe(const struct bmc_target *target, struct bmc_identity *ret, struct err *err)
{
	_cleanup_bmc_session_ struct bmc_session session = { 0 };
	struct bmc_identity identity = { 0 };
	int r = bmc_session_open(target, &session, err);

	if (r < 0)
		return r;
	r = read_device(target, &session, &identity, err);
	if (r < 0)
		return r;
	read_uuid(&session, &identity);
	identity.quirks = session.quirks;
	identity.cipher_suite = session.cipher_suite;
	*ret = identity;
	return 0;
}

/* Get Chassis Status (IPMI v2.0 section 28.2). */
static int read_power(const struct bmc_target *target, struct bmc_session *session, enum bmc_power *ret,
		      struct err *err)
{
	_cleanup_object_ fiid_obj_t answer = fiid_obj_create(tmpl_cmd_get_chassis_status_rs);
	int r = ipmi_cmd_get_chassis_status(session->ctx, answer);

	r = command_result(target, session, r, answer, IPMI_NET_FN_CHASSIS_RS, "Get Chassis Status", err);
	if (r < 0)
		return r;
	*ret = field(answer, "current_power_state.power_is_on") ? BMC_POWER_ON : BMC_POWER_OFF;
	return 0;
}

int bmc_session_open_checked(const struct bmc_target *target, struct bmc_session *session, struct err *err)
{
	struct bmc_identity identity = { 0 };
	int r = bmc_session_open(target, session, err);

	if (r < 0 || !target->uuid)
		return r;
	read_uuid(session, &identity);
	if (bmc_uuid_contradicts(identity.system_uuid, target->uuid))
		r = err_set(err, ERR_STATE, "BMC %s is that of the system %s now, not of %s", target->address,
			    identity.system_uuid, target->uuid);
	bmc_identity_done(&identity);
	return r;
}

static int ipmi_power_get(const struct bmc_target *target, enum bmc_power *ret, struct err *err)
{
	_cleanup_bmc_session_ struct bmc_session session = { 0 };
	int r = bmc_session_open_checked(target, &session, err);

	return r < 0 ? r : read_power(target, &session, ret, err);
}

static const uint8_t controls[] = {
	[BMC_ACTION_ON] = IPMI_CHASSIS_CONTROL_POWER_UP,
	[BMC_ACTION_OFF] = IPMI_CHASSIS_CONTROL_POWER_DOWN,
	[BMC_ACTION_CYCLE] = IPMI_CHASSIS_CONTROL_POWER_CYCLE,
	[BMC_ACTION_RESET] = IPMI_CHASSIS_CONTROL_HARD_RESET,
	[BMC_ACTION_SOFT_OFF] = IPMI_CHASSIS_CONTROL_INITIATE_SOFT_SHUTDOWN,
};

/* Chassis Control (IPMI v2.0 section 28.3). What a cycle does to a machine that is off is left open there, and
 * software is told to look first: then it is powered on. */
static int ipmi_power_set(const struct bmc_target *target, enum bmc_power_action action, struct err *err)
{
	_cleanup_object_ fiid_obj_t answer = fiid_obj_create(tmpl_cmd_chassis_control_rs);
	_cleanup_bmc_session_ struct bmc_session session = { 0 };
	enum bmc_power power = BMC_POWER_ON;
	int r = bmc_session_open_checked(target, &session, err);

	if (r < 0)
		return r;
	if (action == BMC_ACTION_CYCLE) {
		r = read_power(target, &session, &power, err);
		if (r < 0)
			return r;
		if (power == BMC_POWER_OFF)
			action = BMC_ACTION_ON;
	}
	r = ipmi_cmd_chassis_control(session.ctx, controls[action], answer);
	return command_result(target, &session, r, answer, IPMI_NET_FN_CHASSIS_RS, "Chassis Control", err);
}

static const uint8_t boot_devices[] = {
	[BMC_BOOT_NONE] = IPMI_SYSTEM_BOOT_OPTION_BOOT_FLAG_BOOT_DEVICE_NO_OVERRIDE,
	[BMC_BOOT_PXE] = IPMI_SYSTEM_BOOT_OPTION_BOOT_FLAG_BOOT_DEVICE_FORCE_PXE,
	[BMC_BOOT_DISK] = IPMI_SYSTEM_BOOT_OPTION_BOOT_FLAG_BOOT_DEVICE_FORCE_HARD_DRIVE,
};

/* Set System Boot Options, parameter 5 (IPMI v2.0 section 28.12 and table 28-14). The valid bit is what makes the
 * firmware look; BMCs clear it after 60 s if no power command follows. */
static int ipmi_boot_device(const struct bmc_target *target, enum bmc_boot_device device, bool persistent, bool uefi,
			    struct err *err)
{
	_cleanup_object_ fiid_obj_t answer = fiid_obj_create(tmpl_cmd_set_system_boot_options_rs);
	_cleanup_bmc_session_ struct bmc_session session = { 0 };
	int r = bmc_session_open_checked(target, &session, err);

	if (r < 0)
		return r;
	r = ipmi_cmd_set_system_boot_options_boot_flags(
		session.ctx, IPMI_SYSTEM_BOOT_OPTIONS_PARAMETER_VALID_UNLOCKED,
		uefi ? IPMI_SYSTEM_BOOT_OPTION_BOOT_FLAG_BOOT_TYPE_EFI
		     : IPMI_SYSTEM_BOOT_OPTION_BOOT_FLAG_BOOT_TYPE_PC_COMPATIBLE,
		persistent ? IPMI_SYSTEM_BOOT_OPTION_BOOT_FLAG_VALID_PERSISTENTLY
			   : IPMI_SYSTEM_BOOT_OPTION_BOOT_FLAG_VALID_FOR_NEXT_BOOT,
		IPMI_SYSTEM_BOOT_OPTION_BOOT_FLAG_VALID, 0, 0, boot_devices[device], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		answer);
	return command_result(target, &session, r, answer, IPMI_NET_FN_CHASSIS_RS, "Set System Boot Options", err);
}

const struct bmc_driver bmc_driver_ipmi = {
	.name = "ipmi",
	.capabilities = BMC_CAN_POWER | BMC_CAN_BOOT_DEVICE | BMC_CAN_CONSOLE | BMC_CAN_SENSORS | BMC_CAN_SEL,
	.probe = ipmi_probe,
	.power_get = ipmi_power_get,
	.power_set = ipmi_power_set,
	.boot_device = ipmi_boot_device,
	.sensors = bmc_ipmi_sensors,
	.sel = bmc_ipmi_sel,
	.console_open = bmc_ipmi_console_open,
};
