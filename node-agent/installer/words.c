/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "installer/words_priv.h"

#include <stdlib.h>
#include <wchar.h>

#include "base/util.h"

static const struct words_pair words[] = {
	{ "OK", "확인" },
	{ "Next", "다음" },
	{ "Back", "이전" },
	{ "Install", "설치" },
	{ "Language", "언어" },
	{ "Choose the language of the installer's screens.", "설치 화면의 언어를 고르십시오." },
	{ "Role", "역할" },
	{ "What is this machine to become?", "이 서버를 무엇으로 사용합니까?" },
	{ "Provisioner: finds, installs and runs the other machines",
	  "프로비저너: 다른 서버를 찾아 설치하고 운영합니다" },
	{ "Node: joins a provisioner by a token, and runs virtual machines",
	  "노드: 토큰으로 프로비저너에 참여하여 가상 머신을 실행합니다" },
	{ "Both: a provisioner that is its own first node", "둘 다: 프로비저너이면서 첫 번째 노드가 됩니다" },
	{ "Data disks", "데이터 디스크" },
	{ "What is to become of the other disks of this machine?", "이 서버의 다른 디스크는 어떻게 합니까?" },
	{ "Its other disks", "다른 디스크" },
	{ "Leave them as they are", "그대로 둡니다" },
	{ "Give them to the pool: all on them is lost", "풀에 넣습니다: 모든 내용이 지워집니다" },
	{ "Join", "참여" },
	{ "The token that \"ingot join-token create\" printed on the provisioner; its address only if it is "
	  "reached from here by another one than the token says.",
	  "프로비저너에서 \"ingot join-token create\"가 출력한 토큰. 주소는 토큰에 적힌 것과 다른 주소로 "
	  "연결해야 할 때만 입력하십시오." },
	{ "Join token", "참여 토큰" },
	{ "Provisioner", "프로비저너" },
	{ "Disk", "디스크" },
	{ "Where is the system to go? Disks that are in use or in a pool are refused.",
	  "시스템을 어느 디스크에 설치합니까? 사용 중이거나 풀에 속한 디스크에는 설치할 수 없습니다." },
	{ "An Ingot host is on this disk", "이 디스크에 Ingot 호스트가 있습니다" },
	{ "Its state (role, name, network, users, database) can be kept; the system is written anew either way.",
	  "상태(역할, 이름, 네트워크, 사용자, 데이터베이스)를 유지할 수 있습니다. 시스템은 어느 경우에나 새로 기록됩니다." },
	{ "Begin anew: all on the disk is lost", "새로 시작: 디스크의 모든 내용이 지워집니다" },
	{ "Keep the state, write the system anew", "상태를 유지하고 시스템만 새로 기록합니다" },
	{ "Erase the disk", "디스크 지우기" },
	{ "To allow the disk to be written, type its serial number as it is shown here:",
	  "디스크에 기록하는 것을 허용하려면 아래에 표시된 일련번호를 입력하십시오:" },
	{ "Type it to erase", "지우려면 입력" },
	{ "Network", "네트워크" },
	{ "Choose the interface; several of them become a bond. Space marks.",
	  "인터페이스를 고르십시오. 여러 개를 고르면 본딩됩니다. 스페이스로 표시합니다." },
	{ "Bond", "본딩" },
	{ "How are the interfaces bonded?", "인터페이스를 어떻게 본딩합니까?" },
	{ "Interface", "인터페이스" },
	{ "Interfaces", "인터페이스" },
	{ "Address", "주소" },
	{ "Where does its address come from?", "주소를 어떻게 얻습니까?" },
	{ "Automatically (DHCP)", "자동 (DHCP)" },
	{ "Fixed", "고정" },
	{ "Static address", "고정 주소" },
	{ "Name servers: addresses with a space between two.", "네임 서버: 주소를 빈칸으로 구분합니다." },
	{ "Gateway", "게이트웨이" },
	{ "Name servers", "네임 서버" },
	{ "Provisioning network", "프로비저닝 네트워크" },
	{ "Through which interface are other machines found and installed?",
	  "어느 인터페이스로 다른 서버를 찾아 설치합니까?" },
	{ "The same", "같은 인터페이스" },
	{ "The provisioner serves DHCP there. Nobody else may.",
	  "프로비저너가 이 네트워크에서 DHCP를 제공합니다. 다른 DHCP 서버가 있으면 안 됩니다." },
	{ "Addresses for deployed hosts. The DHCP server there must not give them away.",
	  "설치된 호스트가 쓸 주소. 그 네트워크의 DHCP 서버가 이 주소를 나눠 주면 안 됩니다." },
	{ "The provisioner gives addresses; nobody else may", "프로비저너가 주소를 나눠 줍니다(다른 DHCP 서버 금지)" },
	{ "Another DHCP server does; this one only boots machines",
	  "다른 DHCP 서버가 나눠 줍니다. 프로비저너는 부팅만 맡습니다" },
	{ "Our address", "이 서버의 주소" },
	{ "DHCP from", "DHCP 시작" },
	{ "DHCP to", "DHCP 끝" },
	{ "Router", "라우터" },
	{ "Host name", "호스트 이름" },
	{ "The name of this machine: a-z, 0-9 and '-'.", "이 서버의 이름: a-z, 0-9, '-'." },
	{ "Administrator", "관리자" },
	{ "The password of \"admin\" in the dashboard and of root on the console.",
	  "대시보드의 \"admin\"과 콘솔의 root가 쓸 암호입니다." },
	{ "Password", "암호" },
	{ "The same again", "다시 한 번" },
	{ "The two passwords differ; type both again.", "두 암호가 다릅니다. 둘 다 다시 입력하십시오." },
	{ "too weak", "너무 약함" },
	{ "fair", "보통" },
	{ "good", "좋음" },
	{ "strong", "강함" },
	{ "Time", "시간" },
	{ "Time zone, such as Asia/Seoul; time servers with a space between two. Without any nobody sets the clock.",
	  "시간대(예: Asia/Seoul)와 시간 서버. 서버는 빈칸으로 구분합니다. 없으면 시계를 맞추지 않습니다." },
	{ "Time zone", "시간대" },
	{ "Time servers", "시간 서버" },
	{ "Summary", "요약" },
	{ "This will be done. Nothing has been written so far.",
	  "다음과 같이 설치합니다. 아직 아무것도 기록되지 않았습니다." },
	{ "ERASES", "모두 지워짐:" },
	{ "KEEPS THE STATE ON", "상태 유지:" },
	{ "its system is written anew", "시스템은 새로 기록됩니다" },
	{ "GIVES TO THE POOL, and all on it is lost:", "풀에 넣으며 모든 내용이 지워짐:" },
	{ "serial", "일련번호" },
	{ "holding", "내용:" },
	{ "empty", "비어 있음" },
	{ "unclear what is on it", "내용을 알 수 없음" },
	{ "an Ingot host", "Ingot 호스트" },
	{ "an Ingot host, not whole", "Ingot 호스트(완전하지 않음)" },
	{ "no serial number", "일련번호 없음" },
	{ "The clock of this machine shows %s, before this medium was made (%s): it is set to that time. Set it right in the "
	  "firmware, or name time servers.",
	  "이 서버의 시계는 %s입니다. 이 매체를 만든 때(%s)보다 이르므로 그때로 맞춥니다. 펌웨어에서 바로 맞추거나 시간 서버를 "
	  "지정하십시오." },
	{ "The clock of this machine shows %s, more than 10 years after this medium was made (%s). If that is wrong, set it in "
	  "the firmware: certificates are judged by it.",
	  "이 서버의 시계는 %s입니다. 이 매체를 만든 때(%s)보다 10년 넘게 늦습니다. 틀렸다면 펌웨어에서 맞추십시오. 인증서를 이 "
	  "시계로 판단합니다." },
	{ "Look again", "다시 찾기" },
	{ "Looking at the disks", "디스크 확인" },
	{ "The disks are not as they were shown: what will be lost has changed. Read it again.",
	  "디스크가 표시된 것과 달라져 지워질 내용이 바뀌었습니다. 다시 확인하십시오." },
	{ "This machine has no disk. Connect one, or look whether its controller is switched on in the firmware; then "
	  "choose \"Look again\".",
	  "이 서버에 디스크가 없습니다. 디스크를 연결하거나 펌웨어에서 컨트롤러가 켜져 있는지 확인한 다음 "
	  "\"다시 찾기\"를 고르십시오." },
	{ "Choose a disk with a serial number or a WWN: one that has neither cannot be told from others.",
	  "일련번호나 WWN이 있는 디스크를 고르십시오. 둘 다 없는 디스크는 다른 디스크와 구별할 수 없습니다." },
	{ "None of the disks has a serial number or a WWN by which it could be told from others. Connect one that has "
	  "(to a virtual machine: give it a serial number), then choose \"Look again\".",
	  "일련번호나 WWN으로 구별할 수 있는 디스크가 없습니다. 그런 디스크를 연결한 다음(가상 머신이라면 디스크에 "
	  "일련번호를 주고) \"다시 찾기\"를 고르십시오." },
	{ "DHCP", "DHCP" },
	{ "VLAN", "VLAN" },
	{ "Consoles", "콘솔" },
	{ "link", "연결됨" },
	{ "no link", "연결 없음" },
	{ "Looking at the network", "네트워크 확인" },
	{ "Installing", "설치 중" },
	{ "Checking the medium", "설치 매체 확인" },
	{ "Checking the disk", "디스크 확인" },
	{ "Making partitions", "파티션 만들기" },
	{ "Writing the system", "시스템 기록" },
	{ "Reading it back", "다시 읽어 확인" },
	{ "left", "남음" },
	{ "Writing the configuration", "설정 기록" },
	{ "Writing the boot loader", "부트 로더 기록" },
	{ "It went wrong", "오류" },
	{ "Installed", "설치 완료" },
	{ "The system is on the disk. Take the medium out; Enter restarts the machine.",
	  "디스크에 시스템을 설치했습니다. 설치 매체를 꺼내고 Enter를 누르면 다시 시작합니다." },
};

static bool is_korean;

bool words_can_show(const char *language)
{
	/* The kernel's own console has no Hangul in its fonts; what is behind a serial line may. */
	return str_equal(language, "en") || (MB_CUR_MAX > 1 && !str_equal(getenv("TERM"), "linux"));
}

void words_language(const char *language)
{
	is_korean = str_equal(language, "ko") && words_can_show(language);
}

const struct words_pair *words_at(size_t i)
{
	if (i < ARRAY_SIZE(words))
		return &words[i];
	return i < ARRAY_SIZE(words) + words_refusal_count ? &words_refusals[i - ARRAY_SIZE(words)] : NULL;
}

const char *tr(const char *english)
{
	const struct words_pair *pair;

	for (size_t i = 0; is_korean && (pair = words_at(i)); i++) {
		if (str_equal(pair->english, english))
			return pair->korean;
	}
	return english;
}

size_t words_width(const char *text)
{
	size_t len = strlen(text), width = 0, n;
	mbstate_t state = { 0 };
	wchar_t letter;

	for (size_t i = 0; i < len; i += n) {
		n = mbrtowc(&letter, text + i, len - i, &state);
		if (n == 0 || n > len - i)
			return len; /* not of this locale */
		width += (size_t)MAX_OF(wcwidth(letter), 0);
	}
	return width;
}
