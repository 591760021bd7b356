/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The smallest guest that shows whether a virtual machine runs: a boot
 * sector that prints "ingot counter N" to COM1, N counting up from 1, and
 * answers each byte it receives with "ingot got X".
 *
 * On the screen, if there is one: first the printable characters of ASCII
 * (whoever looks can learn from them how a character is drawn), below them
 * N as it counts, below that what is typed on the keyboard.
 *
 * The pace comes from the BIOS tick (18.2 Hz at 0040:006c), not from a
 * delay loop, so it is the same under KVM and TCG and after a migration. A
 * line every second tick is 9.1 lines a second. All state lives in
 * registers and memory of the guest: a gap or a repeat in the numbers is
 * a fault of whoever moved it.
 */
	.code16
	.globl _start

	.set	COM1, 0x3f8
	.set	LSR, COM1 + 5
	.set	LSR_READY, 0x01
	.set	LSR_THRE, 0x20
	.set	TICKS, 0x046c
	.set	TICKS_PER_LINE, 2
	.set	COUNTER, 0x0500		/* free memory after the BIOS data area */
	.set	STACK, 0x7c00
	.set	VIDEO, 0xb800		/* segment of the text screen */
	.set	COLUMNS, 80
	.set	COUNTER_ROW, 3
	.set	TYPED_ROW, 5

_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$STACK, %sp
	ljmp	$0, $main
main:
	cld
	movl	$0, COUNTER

	movw	$(COM1 + 1), %dx	/* IER: no interrupts, we poll */
	xorb	%al, %al
	outb	%al, %dx
	addw	$2, %dx			/* LCR: divisor latch */
	movb	$0x80, %al
	outb	%al, %dx
	movw	$COM1, %dx		/* divisor 1: 115200 baud */
	movb	$1, %al
	outb	%al, %dx
	incw	%dx
	xorb	%al, %al
	outb	%al, %dx
	addw	$2, %dx			/* LCR: 8n1 */
	movb	$0x03, %al
	outb	%al, %dx
	decw	%dx			/* FCR: FIFO on and empty */
	movb	$0x07, %al
	outb	%al, %dx
	addw	$2, %dx			/* MCR: DTR, RTS */
	movb	$0x03, %al
	outb	%al, %dx
	sti

	movw	$0x0003, %ax		/* text mode, an empty screen */
	int	$0x10
	movb	$' ', %al
9:	call	show
	incw	%ax
	cmpb	$'~', %al
	jbe	9b
	movb	$0x02, %ah		/* the cursor, on page 0 */
	xorw	%bx, %bx
	movw	$(TYPED_ROW << 8), %dx
	int	$0x10
	movw	$VIDEO, %ax
	movw	%ax, %es

	movw	TICKS, %bx		/* bx: tick of the last line */
loop:
	movb	$0x01, %ah		/* is there a key? */
	int	$0x16
	jz	8f
	xorb	%ah, %ah
	int	$0x16
	call	show
8:	movw	$LSR, %dx
	inb	%dx, %al
	testb	$LSR_READY, %al
	jz	1f
	movw	$COM1, %dx
	inb	%dx, %al
	movb	%al, got_byte
	movw	$got, %si
	call	print
	jmp	loop
1:	movw	TICKS, %ax
	subw	%bx, %ax
	cmpw	$TICKS_PER_LINE, %ax
	jb	2f
	addw	$TICKS_PER_LINE, %bx
	cmpw	$(16 * TICKS_PER_LINE), %ax
	jb	3f
	movw	TICKS, %bx		/* stopped for long: do not catch up */
3:	incl	COUNTER
	call	print_counter
	jmp	loop
2:	hlt				/* until the next tick */
	jmp	loop

/* Prints the line with the number in COUNTER. */
print_counter:
	movw	$(COUNTER_ROW * COLUMNS * 2), %di
	movw	$prefix, %si
	call	print
	movl	COUNTER, %eax
	xorw	%cx, %cx
	movl	$10, %ebp
4:	xorl	%edx, %edx
	divl	%ebp
	pushw	%dx
	incw	%cx
	testl	%eax, %eax
	jnz	4b
5:	popw	%ax
	addb	$'0', %al
	call	putc
	stosb
	incw	%di
	loop	5b
	movw	$crlf, %si
	/* fall through */

/* Prints the NUL-terminated string at si. */
print:
	lodsb
	testb	%al, %al
	jz	6f
	call	putc
	jmp	print
6:	ret

/* Prints al once the transmitter is free. */
putc:
	pushw	%ax
	movw	$LSR, %dx
7:	inb	%dx, %al
	testb	$LSR_THRE, %al
	jz	7b
	popw	%ax
	movw	$COM1, %dx
	outb	%al, %dx
	ret

/* Shows al where the cursor is. */
show:
	pushaw
	movb	$0x0e, %ah
	xorw	%bx, %bx
	int	$0x10
	popaw
	ret

prefix:	.asciz	"ingot counter "
got:	.ascii	"ingot got "
got_byte:
	.byte	0
crlf:	.asciz	"\r\n"

	.org	510
	.word	0xaa55
